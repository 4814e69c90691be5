import { waitFor } from '@spendgate/testkit';
import { expect } from 'vitest';
import { z } from 'zod';
import type { Stores } from './stores.ts';

/** Nano-USD as decimal text by "subject period", without those that are 0. */
export type Sums = Readonly<Record<string, string>>;

/** How long the periods of a slot are; a slot that is not named counts in the period that never ends. */
export type PeriodLengths = Readonly<Partial<Record<'platform' | 'cli' | 'premium_models', '30d' | '30s'>>>;

export const MONTHLY: PeriodLengths = { platform: '30d', cli: '30d', premium_models: '30d' };

const sumRows = z.array(z.object({ subject: z.string(), period: z.string(), sum: z.string() }));

/** The ledger's rows and the prices given later, added up from scratch by the rules of the design. */
const LEDGER_SUMS = `
WITH priced AS (
  SELECT e.*, e.cost_nano_usd + coalesce(a.amount_nano_usd, 0) AS cost,
         coalesce(nullif(btrim(e.model_group), ''), nullif(btrim(e.model), '')) AS public_model
  FROM spendgate.spend_events e
  LEFT JOIN spendgate.adjustments a ON a.kind = 'pricing' AND a.event_id = e.id
), charges AS (
  SELECT 'customer:' || identity AS subject, category AS slot, started_at, cost FROM priced WHERE identity IS NOT NULL
  UNION ALL SELECT 'global:proxy', NULL, started_at, cost FROM priced
  UNION ALL SELECT 'key:' || key_hash, NULL, started_at, cost FROM priced WHERE key_hash IS NOT NULL
  UNION ALL SELECT 'key_model:' || key_hash || '/' || public_model, NULL, started_at, cost FROM priced
            WHERE key_hash IS NOT NULL AND public_model IS NOT NULL
  UNION ALL SELECT 'team:' || team_id, NULL, started_at, cost FROM priced WHERE team_id IS NOT NULL
  UNION ALL SELECT 'user:' || user_id, NULL, started_at, cost FROM priced WHERE user_id IS NOT NULL
), placed AS (
  SELECT c.subject, c.cost, CASE l.length
    WHEN '30d' THEN month.first || '-' || month.next
    WHEN '30s' THEN clock.at / 30000 * 30000 || '-' || (clock.at / 30000 + 1) * 30000
    ELSE 'none' END AS period
  FROM charges c
  LEFT JOIN unnest($1::text[], $2::text[]) AS l (slot, length) ON l.slot = c.slot
  CROSS JOIN LATERAL (SELECT floor(extract(epoch FROM c.started_at) * 1000)::bigint AS at) AS clock
  CROSS JOIN LATERAL (SELECT date_trunc('month', c.started_at AT TIME ZONE 'UTC') AS start) AS local
  CROSS JOIN LATERAL (SELECT (extract(epoch FROM local.start) * 1000)::bigint AS first,
    (extract(epoch FROM local.start + interval '1 month') * 1000)::bigint AS next) AS month
)
SELECT subject, period, sum(cost)::text AS sum FROM placed GROUP BY subject, period HAVING sum(cost) <> 0`;

const COUNTER_SUMS = `
SELECT subject, period, sum(spent_nano_usd)::text AS sum FROM spendgate.counters WHERE NOT retired
GROUP BY subject, period HAVING sum(spent_nano_usd) <> 0`;

export async function ledgerSums(stores: Stores, lengths: PeriodLengths): Promise<Sums> {
  return sumsOf(stores, LEDGER_SUMS, [Object.keys(lengths), Object.values(lengths)]);
}

export async function counterSums(stores: Stores): Promise<Sums> {
  return sumsOf(stores, COUNTER_SUMS, []);
}

/** What Redis holds in the keys of the epoch in force. */
export async function redisSums(stores: Stores): Promise<Sums> {
  const { rows } = await stores.pool.query('SELECT epoch::text AS epoch FROM spendgate.incarnation');
  const [{ epoch } = { epoch: '' }] = z.array(z.object({ epoch: z.string() })).parse(rows);
  const prefix = `sg:{b0}:e${epoch}:`;
  const sums = new Map<string, bigint>();
  const keys = await stores.redis.keys(`${prefix}*`);
  const hashes = await Promise.all(keys.map(async (key) => [key, await stores.redis.hgetall(key)] as const));
  for (const [key, fields] of hashes) {
    for (const [field, value] of Object.entries(fields)) {
      const name = `${key.slice(prefix.length)} ${field.split('/')[0] ?? ''}`;
      sums.set(name, (sums.get(name) ?? 0n) + BigInt(value.split(':')[1] ?? '0'));
    }
  }
  return Object.fromEntries([...sums].filter(([, sum]) => sum !== 0n).map(([name, sum]) => [name, `${sum}`]));
}

/**
 * The counters are the ledger's sums now, to the nano-dollar, and Redis is equal to them soon, in every period that is
 * still open.
 */
export async function expectEqualSums(stores: Stores, lengths: PeriodLengths): Promise<void> {
  const [ledger, counters] = await inOneSnapshot(stores, lengths);
  expect(counters, 'the counters and the sums of the ledger').toEqual(ledger);
  const sums = await waitFor(
    async () => {
      const nowMs = Date.now();
      const wanted = openAt(await counterSums(stores), nowMs);
      const held = openAt(await redisSums(stores), nowMs);
      return JSON.stringify(sorted(held)) === JSON.stringify(sorted(wanted)) && { held, wanted };
    },
    { what: 'Redis to be equal to the counters', timeoutMs: 30_000, intervalMs: 100 },
  ).catch(async () => ({ held: await redisSums(stores), wanted: await counterSums(stores) }));
  expect(sums.held, 'Redis and the counters').toEqual(sums.wanted);
}

/** Both sums of one instant, for writers may be at work. */
async function inOneSnapshot(stores: Stores, lengths: PeriodLengths): Promise<readonly [Sums, Sums]> {
  const client = await stores.pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const ledger = await client.query(LEDGER_SUMS, [Object.keys(lengths), Object.values(lengths)]);
    const counters = await client.query(COUNTER_SUMS);
    return [toSums(ledger.rows), toSums(counters.rows)];
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    client.release();
  }
}

async function sumsOf(stores: Stores, sql: string, parameters: readonly string[][]): Promise<Sums> {
  return toSums((await stores.pool.query(sql, [...parameters])).rows);
}

function toSums(rows: unknown): Sums {
  return Object.fromEntries(
    sumRows.parse(rows).map(({ subject, period, sum }) => [`${subject} ${period}`, sum]),
  );
}

function openAt(sums: Sums, nowMs: number): Sums {
  return Object.fromEntries(
    Object.entries(sums).filter(([name]) => {
      const end = name.split(' ').at(-1)?.split('-')[1];
      return end === undefined || Number(end) > nowMs;
    }),
  );
}

function sorted(sums: Sums): readonly (readonly [string, string])[] {
  return Object.entries(sums).toSorted(([one], [other]) => (one < other ? -1 : 1));
}

const idRows = z.array(z.object({ id: z.string() }));

async function idsBy(stores: Stores, sql: string, parameters: readonly string[][] = []): Promise<string[]> {
  return idRows.parse((await stores.pool.query(sql, [...parameters])).rows).map(({ id }) => id);
}

/** The ids of the ledger's rows. */
export async function ledgerIds(stores: Stores): Promise<readonly string[]> {
  return idsBy(stores, 'SELECT id FROM spendgate.spend_events');
}

/** The event ids in `rejected_events`, each as often as it stands there; null for what had none. */
export async function rejectedIds(stores: Stores): Promise<readonly (string | null)[]> {
  const { rows } = await stores.pool.query('SELECT event_id FROM spendgate.rejected_events');
  return z
    .array(z.object({ event_id: z.string().nullable() }))
    .parse(rows)
    .map((row) => row.event_id);
}

/** Those of the ids that are not in the ledger. */
export async function missingFromLedger(stores: Stores, ids: Iterable<string>): Promise<readonly string[]> {
  const known = 'SELECT FROM spendgate.spend_events e WHERE e.id = w.id';
  return idsBy(stores, `SELECT w.id FROM unnest($1::text[]) AS w (id) WHERE NOT EXISTS (${known})`, [
    [...ids],
  ]);
}

/** Each of the ids is in the ledger exactly once, and nothing else is. */
export async function expectLedgerHolds(stores: Stores, ids: Iterable<string>): Promise<void> {
  const found = await ledgerIds(stores);
  expect(found.toSorted()).toEqual([...new Set(ids)].toSorted());
}

export async function expectNothingTwice(stores: Stores): Promise<void> {
  const found = await ledgerIds(stores);
  expect(found.length).toBe(new Set(found).size);
}
