import { randomUUID } from 'node:crypto';
import type { DetachResult, LedgerUpkeep } from '@spendgate/application';
import { LedgerUnavailable } from '@spendgate/domain';
import { z } from 'zod';
import { bigintArray, textArray, timestampArray } from './array-parameter.ts';
import { readCalls } from './ledger-rows.ts';
import type { SessionPool } from './session-pool.ts';
import { createSubjectSums } from './subject-sums.ts';
import type { SubjectSums } from './subject-sums.ts';

type Detach = Parameters<LedgerUpkeep['detachPartition']>[0];

/** How often a month is summed anew because a late event came in meanwhile. */
const ATTEMPTS = 4;
/** Sums held before they go to the draft, so that memory does not grow with the number of subjects. */
const SUMS_HELD = 20_000;
/** A month of 100 million rows is counted within it. */
const COUNT_TIMEOUT_MS = 120_000;

const OBSTACLES = [
  'month_not_over',
  'not_attached',
  'periods_not_closed',
  'events_unpriced',
  'draft_outdated',
] as const;
const obstacleRow = z.object({ obstacle: z.enum(OBSTACLES).nullable(), obstacles: z.string() });
const detachedRow = obstacleRow.extend({
  table_name: z.string().nullable(),
  opening_balances: z.string().nullable(),
});
const anyRow = z.object({});

interface Draft {
  readonly id: string;
  readonly chargedRows: number;
  readonly totalNanoUsd: bigint;
}

/** As the port says. The sums are made before the lock, since nothing can be counted while it is held. */
export async function detachPartition(sessions: SessionPool, of: Detach): Promise<DetachResult> {
  const month = `${of.month.toISOString().slice(0, 7)}-01`;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const before = await sessions.row(obstacleRow, {
      text: 'SELECT obstacle, obstacles FROM spendgate.detach_obstacle($1::date)',
      values: [month],
    });
    const refused = toRefusal(before);
    if (refused !== undefined) return refused;
    const draft = await writeDraft(sessions, of);
    const detached = await detach(sessions, { ...of, month, draft });
    if (detached !== 'draft_outdated') return detached;
  }
  throw new LedgerUnavailable(`late events of ${month.slice(0, 7)} kept coming in while it was summed`);
}

/** Sums the month's rows, without holding anybody up. */
async function writeDraft(sessions: SessionPool, of: Detach): Promise<Draft> {
  const id = randomUUID();
  let chargedRows = 0;
  let totalNanoUsd = 0n;
  await sessions.run({
    text: `DELETE FROM spendgate.opening_drafts WHERE made_at < now() - interval '1 day'`,
  });
  await sessions.transaction(async (session) => {
    const sums = createSubjectSums();
    // The transaction only reads, so it has no id that would hold back the copies' cursors: drafts go another way.
    for await (const page of readCalls(session, `spendgate.${partitionName(of.month)}`)) {
      chargedRows += page.length;
      for (const call of page) {
        for (const charge of of.chargesOf(call)) {
          totalNanoUsd += call.costNanoUsd;
          sums.add(charge, call.costNanoUsd);
        }
      }
      if (sums.size > SUMS_HELD) await flush(sessions, { id, sums });
    }
    await flush(sessions, { id, sums });
  });
  return { id, chargedRows, totalNanoUsd };
}

async function flush(
  sessions: SessionPool,
  of: { readonly id: string; readonly sums: SubjectSums },
): Promise<void> {
  const sums = of.sums.take();
  if (sums.length === 0) return;
  await sessions.run({
    text: `INSERT INTO spendgate.opening_drafts (draft, subject, period, period_end, amount_nano_usd)
      SELECT $1::uuid, t.subject, t.period, t.period_end, t.amount
      FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::bigint[]) AS t (subject, period, period_end, amount)`,
    values: [
      of.id,
      textArray(sums.map(({ subject }) => subject)),
      textArray(sums.map(({ period }) => period)),
      timestampArray(sums.map(({ periodEnd }) => periodEnd)),
      bigintArray(sums.map(({ nanoUsd }) => nanoUsd)),
    ],
  });
}

async function detach(
  sessions: SessionPool,
  of: {
    readonly month: string;
    readonly draft: Draft;
    readonly lockTimeoutMs: number;
    readonly actor: string;
  },
): Promise<DetachResult | 'draft_outdated'> {
  const { draft } = of;
  const row = await sessions.transaction(async (session) => {
    await session.run({ text: `SET LOCAL lock_timeout = ${Math.ceil(of.lockTimeoutMs)}` });
    // A statement of its own: what is read after it is read while no batch is being counted.
    await session.rows(anyRow, { text: 'SELECT pg_advisory_xact_lock(1397770068, 1)' });
    await session.run({ text: `SET LOCAL statement_timeout = ${COUNT_TIMEOUT_MS}` });
    return session.row(detachedRow, {
      text: `SELECT obstacle, obstacles, table_name, opening_balances
        FROM spendgate.detach_partition($1::date, $2::uuid, $3::bigint, $4::numeric, $5::text)`,
      values: [of.month, draft.id, draft.chargedRows, draft.totalNanoUsd.toString(), of.actor],
      timeoutMs: COUNT_TIMEOUT_MS,
    });
  });
  if (row.obstacle === 'draft_outdated') return 'draft_outdated';
  return (
    toRefusal(row) ?? {
      outcome: 'detached',
      tableName: row.table_name ?? '',
      chargedRows: draft.chargedRows,
      openingBalances: Number(row.opening_balances),
    }
  );
}

function toRefusal(of: z.infer<typeof obstacleRow>): DetachResult | undefined {
  const { obstacle } = of;
  if (obstacle === null || obstacle === 'draft_outdated') return undefined;
  if (obstacle === 'not_attached') return { outcome: 'not_attached' };
  return { outcome: 'refused', obstacle, found: Number(of.obstacles) };
}

/** As spendgate.create_partition names it. */
function partitionName(month: Date): string {
  return `spend_events_${month.toISOString().slice(0, 7).replace('-', '_')}`;
}
