import { expect } from 'vitest';
import type { Stores } from '../stack/stores.ts';
import { MONTHLY, expectEqualSums, expectLedgerHolds, rejectedIds } from '../stack/sums.ts';
import type { Topic } from '../stack/topic.ts';
import { createLives } from './lives.ts';
import { createWorkload } from './workload.ts';

/**
 * Finds out which steps there are, kills ingest at each of them under work, and at last compares everything. `atLeast`
 * guards the finding out.
 */
export async function dieEverywhere(of: {
  readonly stores: Stores;
  readonly topic?: Topic;
  readonly atLeast: readonly string[];
}): Promise<void> {
  const { stores } = of;
  const workload = createWorkload(of);
  const lives = createLives({ ...of, workload });
  try {
    const steps = chosenSteps(await lives.discover());
    expect(steps).toEqual(expect.arrayContaining(of.atLeast.map((name) => `${name} before 1`)));
    for (const step of steps) await lives.dieAt(step);
    await lives.finish();
    await expectLedgerHolds(stores, workload.expected);
    const refused = await rejectedIds(stores);
    const withId = refused.filter((id) => id !== null);
    expect(withId.toSorted()).toEqual([...workload.rejected].toSorted());
    expect(refused.length - withId.length, 'refused without an id').toBe(workload.garbage());
    await expectEqualSums(stores, MONTHLY);
  } finally {
    await lives.stop();
  }
}

/** Each step's first and last time, around which a death is most telling. */
function chosenSteps(reached: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const step of reached) {
    const [name = '', moment, count] = step.split(' ');
    if (moment === 'after') counts.set(name, Math.max(counts.get(name) ?? 0, Number(count)));
  }
  return [...counts].flatMap(([name, count]) => [
    ...['before', 'during', 'after'].map((moment) => `${name} ${moment} 1`),
    ...(count > 1 ? [`${name} after ${Math.min(count, 3)}`] : []),
  ]);
}
