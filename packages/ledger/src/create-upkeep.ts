import type { LedgerUpkeep } from '@spendgate/application';
import { z } from 'zod';
import { compareSums } from './compare-sums.ts';
import { detachPartition } from './detach-partition.ts';
import type { SessionPool } from './session-pool.ts';

/** Counting stops while rows move, and callers come again; still a month of strays must get through. */
const MOVE_TIMEOUT_MS = 600_000;
const MAX_COUNT = 10_000;

const anyRow = z.object({});
const nameRow = z.object({ name: z.string().nullable() });
const monthRow = z.object({ month: z.string(), strays: z.string() });
const countRow = z.object({ count: z.string() });
const closedRow = z.object({ closed: z.string() });
const closedCounters = z.array(z.tuple([z.string(), z.string(), z.int()]));

/** Upkeep of the ledger's tables. */
export function createUpkeep(sessions: SessionPool): LedgerUpkeep {
  return {
    async closePeriods({ endedBefore, limit }) {
      const { closed } = await sessions.row(closedRow, {
        name: 'close_periods',
        text: 'SELECT spendgate.close_periods($1::timestamptz, $2::integer) AS closed',
        values: [endedBefore.toISOString(), limit],
      });
      return closedCounters
        .parse(JSON.parse(closed))
        .map(([subject, period, stripe]) => ({ subject, period, stripe }));
    },
    async createPartitions({ at, monthsAhead }) {
      const created: string[] = [];
      for (let ahead = 0; ahead <= monthsAhead; ahead += 1) {
        const { name } = await sessions.row(nameRow, {
          text: 'SELECT spendgate.create_partition($1::date, false) AS name',
          values: [new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + ahead, 1)).toISOString()],
        });
        if (name !== null) created.push(name);
      }
      return created;
    },
    async emptyDefaultPartition() {
      let moved = 0;
      for (const { month } of await sessions.rows(monthRow, { text: STRAY_MONTHS })) {
        moved += await moveMonth(sessions, month);
      }
      return moved;
    },
    async defaultPartitionCount() {
      const { count } = await sessions.row(countRow, {
        text: `SELECT count(*)::text AS count FROM (
          SELECT FROM spendgate.spend_events_default LIMIT ${MAX_COUNT}) strays`,
      });
      return Number(count);
    },
    detachPartition: (of) => detachPartition(sessions, of),
    compareSums: (of) => compareSums(sessions, of),
  };
}

const STRAY_MONTHS = `SELECT to_char(date_trunc('month', started_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS month,
    count(*)::text AS strays
  FROM spendgate.spend_events_default GROUP BY 1 ORDER BY 1`;

/** One month a transaction, under the exclusive lock, so that no batch is half way to the default partition. */
async function moveMonth(sessions: SessionPool, month: string): Promise<number> {
  return sessions.transaction(async (session) => {
    await session.rows(anyRow, { text: 'SELECT pg_advisory_xact_lock(1397770068, 1)' });
    await session.run({ text: `SET LOCAL statement_timeout = ${MOVE_TIMEOUT_MS}` });
    const [strays] = await session.rows(monthRow, {
      text: `SELECT * FROM (${STRAY_MONTHS}) found WHERE month = $1`,
      values: [month],
    });
    const { name } = await session.row(nameRow, {
      text: 'SELECT spendgate.create_partition($1::date, true) AS name',
      values: [month],
      timeoutMs: MOVE_TIMEOUT_MS,
    });
    return name === null ? 0 : Number(strays?.strays ?? 0);
  });
}
