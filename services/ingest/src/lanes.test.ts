import { Overloaded } from '@spendgate/domain';
import { describe, expect, it } from 'vitest';
import { Lanes } from './lanes.ts';
import type { LaneBatch } from './lanes.ts';

/** Lanes over numbers; the test ends each batch itself. */
function createLanes(of: { batchLimit?: number; queueLimit?: number } = {}) {
  const running: { batch: LaneBatch<number>; end: () => void; fail: (error: Error) => void }[] = [];
  const lanes = new Lanes<number, string>({
    laneCount: 4,
    batchLimit: of.batchLimit ?? 100,
    queueLimit: of.queueLimit ?? 100,
    laneOf: (item) => item,
    nowMs: () => 7,
    run: (batch) =>
      new Promise((resolve, reject) => {
        running.push({ batch, end: () => resolve(batch.items.map((item) => `#${item}`)), fail: reject });
      }),
  });
  const settled = async () => new Promise((resolve) => void setImmediate(resolve));
  return { lanes, running, settled };
}

describe('lanes', () => {
  it('carry a lone request in one batch and answer in its order', async () => {
    const { lanes, running } = createLanes();
    const answer = lanes.submit([3, 0, 2, 1, 0]);
    expect(running).toHaveLength(1);
    expect(running[0]?.batch.items.toSorted()).toEqual([0, 0, 1, 2, 3]);
    running[0]?.end();
    expect(await answer).toEqual(['#3', '#0', '#2', '#1', '#0']);
  });

  it('gather what waits while a batch runs into the next one', async () => {
    const { lanes, running, settled } = createLanes();
    const first = lanes.submit([0]);
    const others = [lanes.submit([0]), lanes.submit([0]), lanes.submit([0])];
    expect(running).toHaveLength(1);
    running[0]?.end();
    await settled();
    expect(running).toHaveLength(2);
    expect(running[1]?.batch).toMatchObject({ lane: 0, items: [0, 0, 0], waitingSinceMs: 7 });
    running[1]?.end();
    expect(await Promise.all([first, ...others])).toHaveLength(4);
  });

  it('never run two items of one lane side by side, but different lanes do', () => {
    const { lanes, running } = createLanes();
    void lanes.submit([1]);
    void lanes.submit([1, 2]);
    expect(running.map(({ batch }) => batch.items)).toEqual([[1], [2]]);
  });

  it('keep batches within their limit', async () => {
    const { lanes, running, settled } = createLanes({ batchLimit: 2 });
    const answer = lanes.submit([0, 0, 0, 1, 1]);
    expect(running.map(({ batch }) => batch.items)).toEqual([
      [0, 0],
      [1, 1],
    ]);
    for (const { end } of running) end();
    await settled();
    running[2]?.end();
    expect(await answer).toHaveLength(5);
  });

  it('fail only the requests that were in the failed batch', async () => {
    const { lanes, running, settled } = createLanes();
    const one = lanes.submit([0]);
    const other = lanes.submit([1]);
    running[0]?.fail(new Error('away'));
    running[1]?.end();
    await expect(one).rejects.toThrow('away');
    expect(await other).toEqual(['#1']);
    await settled();
    const later = lanes.submit([0]);
    running[2]?.end();
    expect(await later).toEqual(['#0']);
  });

  it('do not run what a failed request left waiting', async () => {
    const { lanes, running, settled } = createLanes({ batchLimit: 1 });
    const request = lanes.submit([0, 0, 0]);
    running[0]?.fail(new Error('away'));
    await expect(request).rejects.toThrow('away');
    await settled();
    expect(running).toHaveLength(1);
    expect(lanes.waitingItems).toBe(0);
    await lanes.drained();
  });

  it('give a request up in time, drop what of it waits, and go on', async () => {
    const { lanes, running, settled } = createLanes({ batchLimit: 1 });
    const given = lanes.submit([0, 0], { withinMs: 5 });
    const behind = lanes.submit([0]);
    await expect(given).rejects.toThrow('not recorded within 5 ms');
    expect(running).toHaveLength(1);
    running[0]?.end();
    await settled();
    running[1]?.end();
    expect(await behind).toHaveLength(1);
    expect([running.length, lanes.waitingItems]).toEqual([2, 0]);
  });

  it('refuse a request once too much waits, but take one of any size before', async () => {
    const { lanes, running } = createLanes({ queueLimit: 3, batchLimit: 1 });
    const big = lanes.submit([0, 0, 0, 0, 0]);
    big.catch(() => undefined);
    await expect(lanes.submit([1])).rejects.toThrow(Overloaded);
    expect(running).toHaveLength(1);
  });

  it('fail a request whose batch answers too little, rather than leave it waiting', async () => {
    const lanes = new Lanes<number, string>({
      laneCount: 1,
      batchLimit: 10,
      queueLimit: 10,
      laneOf: () => 0,
      nowMs: () => 0,
      run: async () => [],
    });
    await expect(lanes.submit([1])).rejects.toThrow('every item of a batch has an outcome');
  });

  it('are drained once nothing waits or runs', async () => {
    const { lanes, running, settled } = createLanes();
    const ended: string[] = [];
    const log = async (name: string, work: Promise<unknown>) => {
      await work;
      ended.push(name);
    };
    void log('first', lanes.submit([0]));
    void log('second', lanes.submit([0]));
    void log('drained', lanes.drained());
    running[0]?.end();
    await settled();
    expect(ended).toEqual(['first']);
    running[1]?.end();
    await settled();
    expect(ended.toSorted()).toEqual(['drained', 'first', 'second']);
  });
});
