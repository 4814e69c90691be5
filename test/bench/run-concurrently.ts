import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs `act` over the items in order, `width` of them at a time, and times each. With `perSecond` items begin at that
 * rate, and their time counts from when they were due, so that a stall shows in all that waited for it.
 */
export async function runConcurrently<T>(
  items: readonly T[],
  of: { readonly width: number; readonly perSecond: number | null },
  act: (item: T, lane: number) => Promise<void>,
): Promise<{ readonly wallMs: number; readonly latenciesMs: Float64Array }> {
  const latenciesMs = new Float64Array(items.length);
  const startedMs = performance.now();
  let next = 0;
  const lane = async (number: number): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item === undefined) return;
      const dueMs = of.perSecond === null ? performance.now() : startedMs + (index / of.perSecond) * 1000;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await delay(waitMs);
      await act(item, number);
      latenciesMs[index] = performance.now() - dueMs;
    }
  };
  await Promise.all(Array.from({ length: of.width }, (_, number) => lane(number)));
  return { wallMs: performance.now() - startedMs, latenciesMs };
}

/** The usual answer time and the slowest but one in a hundred. */
export function percentiles(latenciesMs: Float64Array): { readonly p50Ms: number; readonly p99Ms: number } {
  return { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99) };
}

function percentile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
