import type {
  CounterSource,
  Ledger,
  LedgerUpkeep,
  RejectedEvents,
  RulesLedger,
  UnpricedEvents,
} from '@spendgate/application';
import { createCounterSource } from './create-counter-source.ts';
import { createLedger } from './create-ledger.ts';
import { createRejectedEvents } from './create-rejected-events.ts';
import { createRulesLedger } from './create-rules-ledger.ts';
import { createUnpricedEvents } from './create-unpriced-events.ts';
import { createUpkeep } from './create-upkeep.ts';
import { assertSchemaCurrent, readSchemaVersion } from './schema-version.ts';
import { createSessionPool } from './session-pool.ts';

export interface LedgerSettings {
  readonly databaseUrl: string;
  /** As it stands in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly maxConnections: number;
  readonly statementTimeoutMs: number;
  /** How long to wait for an answer, or for a connection, before the server is given up; 5 s more by default. */
  readonly answerTimeoutMs?: number;
}

/** The ports on one PostgreSQL database, over one pool of connections. */
export interface LedgerConnection {
  readonly ledger: Ledger;
  readonly counterSource: CounterSource;
  readonly rules: RulesLedger;
  readonly rejected: RejectedEvents;
  readonly unpriced: UnpricedEvents;
  readonly upkeep: LedgerUpkeep;
  /** @throws LedgerUnavailable */
  ping(): Promise<void>;
  /** The number of the newest migration applied; 0 for an empty database. */
  schemaVersion(): Promise<number>;
  /** @throws SchemaOutdated when this build needs a newer schema. @throws LedgerUnavailable */
  assertSchemaCurrent(): Promise<void>;
  /** Waits for running calls, then closes the pool. Safe to repeat. */
  close(): Promise<void>;
}

/** Opens the pool and tries one connection. @throws LedgerUnavailable when the server cannot be reached. */
export async function connectLedger(settings: LedgerSettings): Promise<LedgerConnection> {
  const sessions = createSessionPool(settings);
  const ping = async (): Promise<void> => {
    await sessions.run({ text: 'SELECT 1' });
  };
  try {
    await ping();
  } catch (error) {
    await sessions.end();
    throw error;
  }
  return {
    ledger: createLedger(sessions),
    counterSource: createCounterSource(sessions),
    rules: createRulesLedger(sessions),
    rejected: createRejectedEvents(sessions),
    unpriced: createUnpricedEvents(sessions),
    upkeep: createUpkeep(sessions),
    ping,
    schemaVersion: () => readSchemaVersion(sessions),
    assertSchemaCurrent: () => assertSchemaCurrent(sessions),
    close: () => sessions.end(),
  };
}
