import { randomUUID } from 'node:crypto';
import { rebuildCopy } from '@spendgate/application';
import type { CounterCopy } from '@spendgate/application';
import { connectLedger } from '@spendgate/ledger';
import type { LedgerConnection } from '@spendgate/ledger';
import { createCounterCopy } from '@spendgate/redis-store';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { serveCommands } from './serve-commands.ts';

const connectCommand = z.object({ databaseUrl: z.string(), redisUrl: z.string() });
const rebuildCommand = z.object({ rows: z.int() });

let ledger: LedgerConnection | undefined;
let redis: Redis | undefined;
let copy: CounterCopy | undefined;

// Rebuilds a wiped Redis from the counters table, as the sweep of the jobs service does.
serveCommands({
  connect: async (payload) => {
    const of = connectCommand.parse(payload);
    ledger = await connectLedger({
      databaseUrl: of.databaseUrl,
      applicationName: 'spendgate-bench',
      maxConnections: 2,
      statementTimeoutMs: 60_000,
    });
    redis = new Redis(of.redisUrl);
    copy = createCounterCopy(redis, { counterBuckets: 1 });
  },
  wipe: async () => {
    await redis?.flushall();
  },
  rebuild: async (payload) => {
    const of = rebuildCommand.parse(payload);
    if (ledger === undefined || copy === undefined) throw new Error('connect first');
    const epoch = await ledger.counterSource.confirmEpoch({ counterBuckets: 1 });
    const startedMs = performance.now();
    const result = await rebuildCopy(
      { source: ledger.counterSource, copy, newToken: randomUUID },
      { epoch, buckets: new Map([[0, null]]) },
    );
    const wallMs = performance.now() - startedMs;
    if (result.rows !== of.rows || result.built.length !== 1) throw new Error(`rebuilt ${result.rows} rows`);
    return { operations: result.rows, wallMs, p50Ms: null, p99Ms: null };
  },
});
