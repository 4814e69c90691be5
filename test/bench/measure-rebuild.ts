import type { BenchContext } from './bench-context.ts';
import { prepareDatabase } from './bench-rules.ts';
import { query } from './bench-servers.ts';
import { figure } from './figure.ts';
import type { Figure } from './figure.ts';
import { measuredSide } from './measured-side.ts';
import { formatParts, runAlone } from './rounds.ts';
import { measuredReply, nothing } from './worker-commands.ts';
import { startWorkerProcess } from './worker-process.ts';

const ROUNDS = 1;

/** How fast a lost Redis is whole again: the open rows of the counters table, through the real rebuild. */
export async function measureRebuild(bench: BenchContext): Promise<readonly Figure[]> {
  const { rebuildRows } = bench.options.sizes;
  const database = await bench.servers.createDatabase('bench_rebuild');
  await prepareDatabase(database.url, bench.now);
  bench.say(`filling the counters table with ${rebuildRows} open rows`);
  await fillCounters(database.url, { rows: rebuildRows, at: bench.now });
  const redis = await bench.servers.startRedis('rebuild', { durable: true });
  const worker = await startWorkerProcess('rebuild-process.ts');
  try {
    await worker.command('connect', { databaseUrl: database.url, redisUrl: redis.url }, nothing);
    const side = measuredSide({
      prepare: async () => worker.command('wipe', null, nothing),
      run: async () => worker.command('rebuild', { rows: rebuildRows }, measuredReply),
      parts: { process: worker.pid, postgres: database.pid, redis: redis.pid },
    });
    const measured = await runAlone(side, { rounds: ROUNDS });
    return [
      figure({
        figure: 'rebuild_rows_per_s',
        value: measured.operationsPerSecond,
        unit: 'rows/s',
        notes: [`${rebuildRows} open counters`, formatParts('per row', measured.cpuUsByPart)],
      }),
    ];
  } finally {
    await worker.stop();
  }
}

async function fillCounters(
  databaseUrl: string,
  of: { readonly rows: number; readonly at: Date },
): Promise<void> {
  const start = Date.UTC(of.at.getUTCFullYear(), of.at.getUTCMonth(), 1);
  const end = Date.UTC(of.at.getUTCFullYear(), of.at.getUTCMonth() + 1, 1);
  await query(
    databaseUrl,
    `INSERT INTO spendgate.counters (subject, period, stripe, period_end, version, spent_nano_usd)
     SELECT 'customer:customer-' || n || '@company.com', $2, 0, $3, 1795328800203137, 12345678900
     FROM generate_series(1, $1) AS n`,
    [of.rows, `${start}-${end}`, new Date(end)],
  );
  await query(databaseUrl, 'VACUUM (ANALYZE) spendgate.counters');
  await query(databaseUrl, 'CHECKPOINT');
}
