import type { LedgerUpkeep, SumComparison, SumDifference } from '@spendgate/application';
import { z } from 'zod';
import { readCalls, readPages } from './ledger-rows.ts';
import type { SessionPool } from './session-pool.ts';

type Sum = { -readonly [Field in keyof SumDifference]: SumDifference[Field] };

const clockRow = z.object({ now: z.date() });
const spentRow = z
  .object({ subject: z.string(), period: z.string(), spent: z.string() })
  .transform((row) => ({ subject: row.subject, period: row.period, nanoUsd: BigInt(row.spent) }));

/** As the port says. All is read from one snapshot, in which ledger and counters hold the same commits. */
export async function compareSums(
  sessions: SessionPool,
  of: Parameters<LedgerUpkeep['compareSums']>[0],
): Promise<SumComparison> {
  const sums = createSums();
  await sessions.transaction(async (session) => {
    await session.run({ text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' });
    // Before the snapshot: which partitions a table has is no part of a snapshot, so none may leave from here on.
    await session.run({ text: 'LOCK TABLE spendgate.spend_events IN ACCESS SHARE MODE' });
    const { now } = await session.row(clockRow, { text: 'SELECT now() AS now' });
    for await (const page of readCalls(session, 'spendgate.spend_events')) {
      for (const call of page) {
        for (const { subject, period, periodEnd } of of.chargesOf(call)) {
          if (periodEnd === null || periodEnd > now) {
            sums.of(subject, period).ledgerNanoUsd += call.costNanoUsd;
          }
        }
      }
    }
    for await (const page of readPages(session, { row: spentRow, query: ADJUSTED })) {
      for (const row of page) sums.of(row.subject, row.period).ledgerNanoUsd += row.nanoUsd;
    }
    for await (const page of readPages(session, { row: spentRow, query: COUNTED })) {
      for (const row of page) sums.of(row.subject, row.period).countersNanoUsd += row.nanoUsd;
    }
  });
  const all = sums.all();
  const differing = all.filter((sum) => sum.ledgerNanoUsd !== sum.countersNanoUsd);
  const inOrder = differing.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return { compared: all.length, differing: differing.length, differences: inOrder.slice(0, of.limit) };
}

function createSums(): { of(subject: string, period: string): Sum; all(): readonly Sum[] } {
  const sums = new Map<string, Sum>();
  return {
    of(subject, period) {
      const key = keyOf({ subject, period });
      const known = sums.get(key);
      if (known !== undefined) return known;
      const sum = { subject, period, ledgerNanoUsd: 0n, countersNanoUsd: 0n };
      sums.set(key, sum);
      return sum;
    },
    all: () => [...sums.values()],
  };
}

/** Period ids hold no space, so the pair stays unambiguous. */
function keyOf(of: { readonly subject: string; readonly period: string }): string {
  return `${of.subject} ${of.period}`;
}

const ADJUSTED = `SELECT t.subject, t.period, a.amount_nano_usd::text AS spent
  FROM spendgate.adjustments a, unnest(a.subjects, a.periods) AS t (subject, period)
  WHERE t.period = 'none' OR to_timestamp(substring(t.period FROM '-(-?[0-9]+)$')::numeric / 1000) > now()`;

const COUNTED = `SELECT subject, period, spent_nano_usd::text AS spent FROM spendgate.counters
  WHERE NOT retired AND (period_end IS NULL OR period_end > now())`;
