import { SpendStoreUnavailable } from '@spendgate/domain';
import { describe, expect, it } from 'vitest';
import { createInMemoryHealing, row, state } from '../test/in-memory-healing.ts';
import { sweepOnce } from './sweep-once.ts';

const SMALL_PAGES = { pageRows: 2, rebuildPageRows: 2 };

describe('sweepOnce', () => {
  it('sends what changed page by page and advances every bucket to the cursor taken before', async () => {
    const healing = createInMemoryHealing(2);
    healing.states.splice(0, 2, state(50n), state(60n));
    healing.changed = ['a0', 'b1', 'c0', 'd1', 'e0'].map((subject) => row(subject));
    const result = await sweepOnce(healing.ports, SMALL_PAGES);
    expect(result).toMatchObject({ pushed: 5, advanced: 2, rebuilt: 0, lagging: 0, failure: null });
    expect([...healing.held.keys()]).toEqual(['a0', 'b1', 'c0', 'd1', 'e0']);
    expect(healing.states).toEqual([
      { epoch: 7, cursor: 100n, rulesVersion: 2, at: new Date(0) },
      { epoch: 7, cursor: 100n, rulesVersion: 2, at: new Date(0) },
    ]);
  });

  it('asks for changes from the least cursor of all buckets', async () => {
    const healing = createInMemoryHealing(2);
    healing.states.splice(0, 2, state(50n), state(60n));
    const asked: bigint[] = [];
    const source = {
      ...healing.source,
      changedSince: async ({ cursor }: { readonly cursor: bigint }) => {
        asked.push(cursor);
        return Promise.resolve([]);
      },
    };
    await sweepOnce({ ...healing.ports, source, copy: healing.copy });
    expect(asked).toEqual([50n]);
  });

  it.each([
    ['absent', null],
    ['of another epoch', state(50n, 6)],
    ['from before changes that are forgotten', state(9n)],
  ])('rebuilds a bucket whose state is %s, and only that one', async (_, lost) => {
    const healing = createInMemoryHealing(2);
    healing.snapshot = { ...healing.snapshot, changesFrom: 10n };
    healing.states.splice(0, 2, lost, state(60n));
    healing.rows = ['a0', 'b1', 'c0'].map((subject) => row(subject));
    const result = await sweepOnce(healing.ports, SMALL_PAGES);
    expect(result).toMatchObject({ advanced: 1, rebuilt: 1, rebuiltRows: 2 });
    expect([...healing.held.keys()]).toEqual(['a0', 'c0']);
    expect(healing.states[0]).toMatchObject({ epoch: 7, cursor: 100n });
  });

  it('sets the state of an empty ledger: a rebuild of nothing', async () => {
    const healing = createInMemoryHealing(1);
    expect(await sweepOnce(healing.ports)).toMatchObject({ rebuilt: 1, rebuiltRows: 0 });
    expect(healing.states[0]).toMatchObject({ epoch: 7, cursor: 100n });
  });

  it('does not advance when another sweep has meanwhile forgotten changes that it should have sent', async () => {
    const healing = createInMemoryHealing(1);
    healing.states[0] = state(50n);
    const source = {
      ...healing.source,
      async changedSince() {
        healing.snapshot = { ...healing.snapshot, changesFrom: 80n };
        return Promise.resolve([]);
      },
    };
    expect(await sweepOnce({ ...healing.ports, source, copy: healing.copy })).toMatchObject({ lagging: 1 });
    expect(healing.states[0]).toEqual(state(50n));
  });

  it('goes on with the other buckets when one does not answer, and forgets no changes then', async () => {
    const healing = createInMemoryHealing(3);
    healing.states.splice(0, 3, state(50n), 'unreachable', state(50n));
    healing.changed = [row('a0'), row('b1'), row('c2')];
    const copy = {
      ...healing.copy,
      putSwept: async (...args: Parameters<typeof healing.copy.putSwept>) => {
        if (args[0].bucket === 2) throw new SpendStoreUnavailable('gone');
        return healing.copy.putSwept(...args);
      },
    };
    const result = await sweepOnce({ ...healing.ports, source: healing.source, copy });
    expect(result).toMatchObject({ advanced: 1, lagging: 1, unreachable: 1, purgedChanges: 0 });
    expect(result.failure).toBeInstanceOf(SpendStoreUnavailable);
    expect(healing.purged).toEqual([]);
    expect(healing.unlinked).toEqual([]);
  });

  it('throws when no bucket can be reached', async () => {
    const healing = createInMemoryHealing(1);
    healing.states[0] = state(50n);
    const copy = {
      ...healing.copy,
      advance: async () => Promise.reject(new SpendStoreUnavailable('gone')),
    };
    await expect(sweepOnce({ ...healing.ports, source: healing.source, copy })).rejects.toThrow(
      SpendStoreUnavailable,
    );
  });

  it('forgets changes below the least cursor, and old epochs, once every bucket has caught up', async () => {
    const healing = createInMemoryHealing(2);
    healing.states.splice(0, 2, state(50n), state(60n));
    await sweepOnce(healing.ports);
    expect(healing.purged).toEqual([100n]);
    expect(healing.unlinked).toEqual([7]);
  });

  it('puts the published rules back when Redis has lost them, or holds others', async () => {
    const healing = createInMemoryHealing(1);
    healing.published = { version: 3, text: 'three' };
    expect(await sweepOnce(healing.ports)).toMatchObject({ rulesPut: true });
    expect(healing.heldRules).toEqual({ version: 3, text: 'three' });
    expect(await sweepOnce(healing.ports)).toMatchObject({ rulesPut: false });
    healing.heldRules = { version: 3, text: 'another three, of a history that ended' };
    expect(await sweepOnce(healing.ports)).toMatchObject({ rulesPut: true });
  });

  it('keeps the other buckets current while a long rebuild reads', async () => {
    const healing = createInMemoryHealing(2);
    healing.states.splice(0, 2, null, state(60n));
    healing.rows = Array.from({ length: 90 }, (_, index) => row(`row${index + 10}-0`));
    let advanced = 0;
    const copy = {
      ...healing.copy,
      advance: async (...args: Parameters<typeof healing.copy.advance>) => {
        advanced += 1;
        return healing.copy.advance(...args);
      },
    };
    await sweepOnce({ ...healing.ports, source: healing.source, copy }, SMALL_PAGES);
    expect(advanced).toBeGreaterThan(2);
  });
});
