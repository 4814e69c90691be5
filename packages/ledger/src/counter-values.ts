import type { CounterValue } from '@spendgate/application';
import { invariant } from '@spendgate/domain';
import { z } from 'zod';
import type { ChargeSum } from './charge-sums.ts';

const counterRows = z.array(
  z.tuple([z.string(), z.string(), z.int(), z.int().nullable(), z.string(), z.int()]),
);

/** Reads JSON as spendgate.counters_of writes it: [subject, period, stripe, end in ms, spent, version]. */
export function parseCounters(json: string): readonly CounterValue[] {
  return counterRows
    .parse(JSON.parse(json))
    .map(([subject, period, stripe, periodEndMs, spentNanoUsd, version]) => ({
      subject,
      period,
      periodEnd: periodEndMs === null ? null : new Date(periodEndMs),
      stripe,
      spentNanoUsd: BigInt(spentNanoUsd),
      version,
    }));
}

/** Joins the sums a batch was sent with and what the database answers for them: two array literals in their order. */
export function countersFrom(
  sums: readonly ChargeSum[],
  answer: { readonly spent: string | null; readonly versions: string | null },
): readonly CounterValue[] {
  const spent = parseNumberArray(answer.spent);
  const versions = parseNumberArray(answer.versions);
  invariant(
    spent.length === sums.length && versions.length === sums.length,
    'the database answers one value for each counter charged',
  );
  return sums.map(({ subject, period, periodEnd, stripe }, index) => ({
    subject,
    period,
    periodEnd,
    stripe,
    spentNanoUsd: BigInt(spent[index] ?? ''),
    version: Number(versions[index]),
  }));
}

/** An array literal of numbers, `{1,2}`, needs no unquoting. */
function parseNumberArray(literal: string | null): readonly string[] {
  return literal === null || literal === '{}' ? [] : literal.slice(1, -1).split(',');
}
