import { SpendStoreUnavailable } from '@spendgate/domain';
import { expect, it } from 'vitest';
import { closePeriods } from './close-periods.ts';
import type { ClosePeriodsPorts } from './close-periods.ts';
import type { CounterKey } from './counter-source-port.ts';

interface Counter {
  readonly key: CounterKey;
  readonly endsAt: Date;
}

const NOW = new Date('2026-11-22T10:00:00Z');

function counter(subject: string, endedAgoMs: number): Counter {
  return { key: { subject, period: 'p', stripe: 0 }, endsAt: new Date(NOW.getTime() - endedAgoMs) };
}

function createPorts(counters: readonly Counter[], of: { redisAway?: boolean } = {}) {
  const open = [...counters];
  const closed: string[] = [];
  const pruned: string[] = [];
  const limits: number[] = [];
  const ports: ClosePeriodsPorts = {
    upkeep: {
      closePeriods: async ({ endedBefore, limit }) => {
        limits.push(limit);
        const due = open.filter((one) => one.endsAt < endedBefore).slice(0, limit);
        for (const one of due) open.splice(open.indexOf(one), 1);
        closed.push(...due.map((one) => one.key.subject));
        return due.map((one) => one.key);
      },
    },
    source: { snapshot: async () => ({ epoch: 3, cursor: 1n, rulesVersion: 1, changesFrom: 0n }) },
    copy: {
      states: async () => {
        if (of.redisAway === true) throw new SpendStoreUnavailable('away');
        return [];
      },
      prune: async (epoch, fields) => {
        pruned.push(...fields.map((field) => `${epoch}:${field.subject}`));
      },
    },
  };
  return { ports, closed, pruned, limits };
}

it('closes what ended before the grace and leaves the rest open', async () => {
  const { ports, closed } = createPorts([
    counter('old', 10_000),
    counter('fresh', 1_000),
    counter('open', -1),
  ]);
  expect(await closePeriods(ports, { now: NOW, graceMs: 5_000 })).toEqual({ closed: 1, more: false });
  expect(closed).toEqual(['old']);
});

it('drops the fields of closed periods from the current epoch of the copy', async () => {
  const { ports, pruned } = createPorts([counter('a', 10_000), counter('b', 10_000)]);
  await closePeriods(ports, { now: NOW, graceMs: 0 });
  expect(pruned).toEqual(['3:a', '3:b']);
});

it('works in batches until nothing is left', async () => {
  const { ports, closed, limits } = createPorts(
    ['a', 'b', 'c', 'd', 'e'].map((name) => counter(name, 9_000)),
  );
  const result = await closePeriods(ports, { now: NOW, graceMs: 0, batchRows: 2 });
  expect(result).toEqual({ closed: 5, more: false });
  expect(closed).toHaveLength(5);
  expect(limits).toEqual([2, 2, 2]);
});

it('stops at its bound and says that more is left', async () => {
  const { ports } = createPorts(['a', 'b', 'c', 'd', 'e'].map((name) => counter(name, 9_000)));
  const result = await closePeriods(ports, { now: NOW, graceMs: 0, batchRows: 2, maxBatches: 2 });
  expect(result).toEqual({ closed: 4, more: true });
});

it('closes nothing while Redis does not answer, for its fields could not be dropped', async () => {
  const { ports, closed } = createPorts([counter('a', 10_000)], { redisAway: true });
  await expect(closePeriods(ports, { now: NOW, graceMs: 0 })).rejects.toThrow(SpendStoreUnavailable);
  expect(closed).toEqual([]);
});

it('asks the ledger once when nothing is due', async () => {
  const { ports, limits } = createPorts([]);
  expect(await closePeriods(ports, { now: NOW, graceMs: 0 })).toEqual({ closed: 0, more: false });
  expect(limits).toHaveLength(1);
});
