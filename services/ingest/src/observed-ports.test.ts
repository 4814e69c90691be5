import type { CounterValue } from '@spendgate/application';
import { SpendStoreUnavailable } from '@spendgate/domain';
import { createMetrics } from '@spendgate/observability';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createIngestMetrics } from './ingest-metrics.ts';
import { observeCopy } from './observed-ports.ts';

const counters: readonly CounterValue[] = [];

function createWorld() {
  const world = { nowMs: 0, calls: 0, hangs: false, fails: true };
  const copy = observeCopy(
    {
      put: async () => {
        world.calls += 1;
        if (world.hangs) await new Promise(() => undefined);
        if (world.fails) throw new SpendStoreUnavailable('away');
      },
    },
    { metrics: createIngestMetrics(createMetrics({ service: 'test' })), nowMs: () => world.nowMs },
  );
  /** Whether the push reached Redis. */
  const push = async (): Promise<boolean> => {
    const before = world.calls;
    await copy.put(1, counters).catch(() => undefined);
    return world.calls > before;
  };
  return { world, copy, push };
}

describe('pushes to Redis', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('are given up after 150 ms', async () => {
    const { world, copy } = createWorld();
    world.hangs = true;
    const pushed = expect(copy.put(1, counters)).rejects.toThrow(SpendStoreUnavailable);
    await vi.advanceTimersByTimeAsync(151);
    await pushed;
  });

  it('are tried again at once after a single failure', async () => {
    const { world, push } = createWorld();
    expect(await push()).toBe(true);
    world.nowMs += 1;
    world.fails = false;
    expect(await push()).toBe(true);
    world.nowMs += 1;
    world.fails = true;
    expect(await push()).toBe(true);
    world.nowMs += 1;
    expect(await push()).toBe(true);
  });

  it('rest after failures in a row, twice as long up to ten seconds, and are owed at once meanwhile', async () => {
    const { world, push } = createWorld();
    expect(await push()).toBe(true);
    world.nowMs += 1;
    for (const restMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      expect(await push()).toBe(true);
      world.nowMs += restMs - 1;
      expect(await push()).toBe(false);
      world.nowMs += 1;
    }
    world.fails = false;
    expect(await push()).toBe(true);
    world.fails = true;
    world.nowMs += 1;
    expect(await push()).toBe(true);
    world.nowMs += 1;
    expect(await push()).toBe(true);
    world.nowMs += 999;
    expect(await push()).toBe(false);
  });

  it('that fail side by side are one failure', async () => {
    const { world, copy, push } = createWorld();
    await Promise.allSettled([1, 2, 3].map(() => copy.put(1, counters)));
    world.nowMs += 1;
    expect(await push()).toBe(true);
  });
});
