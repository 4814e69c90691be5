import { connectLedger } from '@spendgate/ledger';
import type { LedgerConnection } from '@spendgate/ledger';
import { BudgetError } from '@spendgate/domain';
import { integer, postgresUrl, readEnvironment, redisUrl } from '@spendgate/config';
import { z } from 'zod';
import { findRunning } from './running-system.ts';
import { printFailure, printStep } from './screen.ts';

const environment = z.object({
  DATABASE_URL: postgresUrl().optional(),
  REDIS_URL: redisUrl().optional(),
  COUNTER_BUCKETS: integer(1, 4_096).default(1),
});

export interface OperatorStores {
  readonly databaseUrl: string;
  /** Null where the operator did not name one. */
  readonly redisUrl: string | null;
  readonly counterBuckets: number;
}

/** What DATABASE_URL and REDIS_URL name, else the stores of the `npm start` that runs in this clone. */
export function operatorStores(env: NodeJS.ProcessEnv): OperatorStores {
  const given = readEnvironment(environment, env);
  if (given.DATABASE_URL !== undefined) {
    return {
      databaseUrl: given.DATABASE_URL,
      redisUrl: given.REDIS_URL ?? null,
      counterBuckets: given.COUNTER_BUCKETS,
    };
  }
  const running = findRunning();
  if (running === undefined) {
    throw new Error('which database? Set DATABASE_URL (or DATABASE_URL_FILE); no `npm start` runs here.');
  }
  printStep('Database: the one of the running npm start');
  return {
    databaseUrl: running.databaseUrl,
    redisUrl: running.redisUrl,
    counterBuckets: readEnvironment(environment, { COUNTER_BUCKETS: running.counterBuckets }).COUNTER_BUCKETS,
  };
}

/** Runs an operator's command on the ledger; a failure is one line and exit code 1. */
export async function runOnLedger(
  name: string,
  run: (ledger: LedgerConnection, stores: OperatorStores) => Promise<void>,
): Promise<void> {
  try {
    const stores = operatorStores(process.env);
    const ledger = await connectLedger({
      databaseUrl: stores.databaseUrl,
      applicationName: `spendgate-${name}`,
      maxConnections: 3,
      statementTimeoutMs: 60_000,
    });
    try {
      await ledger.assertSchemaCurrent();
      await run(ledger, stores);
    } finally {
      await ledger.close();
    }
  } catch (error) {
    printFailure(`npm run ${name}: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof BudgetError && error.retryable) printFailure('This may pass: run it again');
    process.exitCode = 1;
  }
}
