import { describe, expect, it } from 'vitest';
import { createInMemoryHealing, row } from '../test/in-memory-healing.ts';
import { rebuildCopy } from './rebuild-copy.ts';

const ALL = { epoch: 7, buckets: new Map([[0, null]]), pageRows: 2 };

describe('rebuildCopy', () => {
  it('writes every open row once and then makes the bucket whole with the cursor taken before the first read', async () => {
    const healing = createInMemoryHealing(1);
    healing.rows = ['a', 'b', 'c', 'd', 'e'].map((subject) => row(`${subject}0`));
    const progress: number[] = [];
    const source = {
      ...healing.source,
      async openPage(of: Parameters<typeof healing.source.openPage>[0]) {
        healing.snapshot = { ...healing.snapshot, cursor: 999n };
        return healing.source.openPage(of);
      },
    };
    const result = await rebuildCopy(
      { ...healing.ports, source, copy: healing.copy },
      {
        ...ALL,
        onPage: async (rows) => {
          progress.push(rows);
          return Promise.resolve();
        },
      },
    );
    expect(result).toEqual({ rows: 5, cursor: 100n, built: [0], failed: [], failure: null });
    expect(progress).toEqual([2, 4]);
    expect(healing.states[0]).toMatchObject({ cursor: 100n });
  });

  it('leaves a bucket without a state when Redis loses its mark in the middle', async () => {
    const healing = createInMemoryHealing(1);
    healing.rows = ['a', 'b', 'c', 'd', 'e'].map((subject) => row(`${subject}0`));
    const copy = {
      ...healing.copy,
      putBuilt: async (...args: Parameters<typeof healing.copy.putBuilt>) =>
        args[0].position < 2 && healing.copy.putBuilt(...args),
    };
    const result = await rebuildCopy({ ...healing.ports, source: healing.source, copy }, ALL);
    expect(result).toMatchObject({ rows: 2, built: [], failed: [0] });
    expect(healing.states[0]).toBeNull();
  });

  it('makes nothing whole when the epoch changed while it read', async () => {
    const healing = createInMemoryHealing(1);
    healing.rows = [row('a0')];
    const source = {
      ...healing.source,
      async openPage() {
        healing.snapshot = { ...healing.snapshot, epoch: 8 };
        return Promise.resolve([]);
      },
    };
    const result = await rebuildCopy({ ...healing.ports, source, copy: healing.copy }, ALL);
    expect(result).toMatchObject({ built: [], failed: [0] });
    expect(healing.states[0]).toBeNull();
  });

  it('does not touch a bucket that someone else has built meanwhile', async () => {
    const healing = createInMemoryHealing(1);
    healing.rows = [row('a0')];
    const copy = { ...healing.copy, startBuild: async () => Promise.resolve(false) };
    expect(await rebuildCopy({ ...healing.ports, source: healing.source, copy }, ALL)).toMatchObject({
      failed: [0],
    });
    expect(healing.held.size).toBe(0);
  });

  it('writes many rows of one bucket in chunks that a script can take', async () => {
    const healing = createInMemoryHealing(1);
    healing.rows = Array.from({ length: 700 }, (_, index) => row(`row${index + 100}0`));
    const sizes: number[] = [];
    const copy = {
      ...healing.copy,
      putBuilt: async (...args: Parameters<typeof healing.copy.putBuilt>) => {
        sizes.push(args[1].length);
        return healing.copy.putBuilt(...args);
      },
    };
    const result = await rebuildCopy(
      { ...healing.ports, source: healing.source, copy },
      { ...ALL, pageRows: 1_000 },
    );
    expect(result).toMatchObject({ rows: 700, built: [0] });
    expect(sizes).toEqual([250, 250, 200]);
  });
});
