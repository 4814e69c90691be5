import { InvariantBroken } from '@spendgate/domain';
import { attributedEvent } from '@spendgate/testkit';
import { expect, it } from 'vitest';
import { sumCharges } from './charge-sums.ts';

function eventOn(subjects: readonly string[], costNanoUsd: bigint) {
  const charges = subjects.map((subject) => ({ subject, period: 'none', periodEnd: null }));
  return attributedEvent({ charges, event: { costNanoUsd } });
}

it('adds up each counter, and says which event charged it', () => {
  const { sums, events, counters } = sumCharges(
    [eventOn(['team:b', 'customer:a'], 3n), eventOn([], 0n), eventOn(['customer:a'], 4n)],
    5,
  );
  expect(sums.map(({ subject, stripe, amountNanoUsd }) => [subject, stripe, amountNanoUsd])).toEqual([
    ['customer:a', 0, 7n],
    ['team:b', 5, 3n],
  ]);
  expect(events).toEqual([1, 1, 3]);
  expect(counters).toEqual([2, 1, 1]);
});

it('orders counters by their bytes, not by UTF-16 units', () => {
  const subjects = ['team:\u{1F600}', 'team:\uFFFD', 'team:Z', 'team:a'];
  const { sums } = sumCharges([eventOn(subjects, 1n)], 0);
  expect(sums.map(({ subject }) => subject)).toEqual(['team:Z', 'team:a', 'team:\uFFFD', 'team:\u{1F600}']);
});

it.each([-1, 8, 1.5, Number.NaN])('refuses %d as a stripe', (stripe) => {
  expect(() => sumCharges([], stripe)).toThrow(InvariantBroken);
});
