import type { BenchContext } from './bench-context.ts';
import { prepareDatabase } from './bench-rules.ts';
import { query } from './bench-servers.ts';
import { figure } from './figure.ts';
import type { Figure } from './figure.ts';
import { measuredSide } from './measured-side.ts';
import { formatParts, runInterleaved } from './rounds.ts';
import type { Side } from './rounds.ts';
import { measuredReply, nothing } from './worker-commands.ts';
import { startWorkerProcess } from './worker-process.ts';

/** Whether recording a batch costs more once the ledger holds millions of rows. */
export async function measureLedgerGrowth(bench: BenchContext): Promise<readonly Figure[]> {
  const { sizes } = bench.options;
  const empty = await openLedger(bench, 'bench_ledger_empty');
  const full = await openLedger(bench, 'bench_ledger_full');
  try {
    bench.say(`filling a ledger with ${sizes.ledgerRows} rows`);
    await fillLedger(full.databaseUrl, { rows: sizes.ledgerRows, at: bench.now });
    const [emptyResult, fullResult] = await runInterleaved([empty.side, full.side], sizes);
    return [
      figure({
        figure: 'ledger_growth_ratio',
        value: fullResult.cpuUsPerOperation / emptyResult.cpuUsPerOperation,
        unit: 'times',
        notes: [
          formatParts('an empty ledger, per event', emptyResult.cpuUsByPart),
          formatParts(`${sizes.ledgerRows} rows, per event`, fullResult.cpuUsByPart),
        ],
      }),
    ];
  } finally {
    await Promise.all([empty.close(), full.close()]);
  }
}

async function openLedger(
  bench: BenchContext,
  name: string,
): Promise<{ readonly databaseUrl: string; readonly side: Side; close(): Promise<void> }> {
  const database = await bench.servers.createDatabase(name);
  await prepareDatabase(database.url, bench.now);
  const writer = await startWorkerProcess('ledger-writer-process.ts');
  await writer.command('connect', { databaseUrl: database.url, at: bench.now.getTime() }, nothing);
  const side = measuredSide({
    prepare: async () => writer.command('prepare', { events: bench.options.sizes.eventsPerRound }, nothing),
    run: async () => writer.command('run', null, measuredReply),
    parts: { process: writer.pid, postgres: database.pid },
  });
  return { databaseUrl: database.url, side, close: () => writer.stop() };
}

/** Rows as a year of calls leaves them: ids in no order, all in this month's partition. The key is built afterwards. */
async function fillLedger(
  databaseUrl: string,
  of: { readonly rows: number; readonly at: Date },
): Promise<void> {
  await query(databaseUrl, 'ALTER TABLE spendgate.event_ids DROP CONSTRAINT event_ids_pkey');
  await query(
    databaseUrl,
    `WITH call AS MATERIALIZED (
       SELECT 'chatcmpl-' || gen_random_uuid() AS id, n, $2::timestamptz AS at FROM generate_series(1, $1) AS n
     ), ids AS (
       INSERT INTO spendgate.event_ids (id, started_at, fingerprint) SELECT id, at, n FROM call
     )
     INSERT INTO spendgate.spend_events (started_at, cost_nano_usd, prompt_tokens, completion_tokens, ended_at,
       clock_ahead, failed, cache_hit, unpriced, id, call_id, base, identity, category, end_user, key_hash, key_alias,
       team_id, user_id, model_group, model, provider, user_agent)
     SELECT at, 13500, 10, 20, at, false, false, false, false, id, 'call-' || n, 'customer-' || n % 200,
       'customer-' || n % 200, 'platform', 'customer-' || n % 200, lpad((n % 50)::text, 64, 'a'), 'key-' || n % 50,
       'team-' || n % 10, 'user-' || n % 25, 'gpt-4o-mini', 'gpt-4o-mini', 'openai', 'curl/7.88.1'
     FROM call`,
    [of.rows, of.at],
  );
  await query(databaseUrl, 'ALTER TABLE spendgate.event_ids ADD PRIMARY KEY (id)');
  await query(databaseUrl, 'VACUUM (ANALYZE) spendgate.event_ids, spendgate.spend_events');
  await query(databaseUrl, 'CHECKPOINT');
}
