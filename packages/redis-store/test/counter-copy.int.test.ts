import type { CounterValue } from '@spendgate/application';
import { createCounterCopy, createSpendReader } from '@spendgate/redis-store';
import { redisTest } from '@spendgate/testkit';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import { EPOCH, counter, makeWhole, mark } from './sample-counters.ts';

const ONE = { counterBuckets: 1 };
const HASH = `sg:{b0}:e${EPOCH}:customer:ann`;

/** Beyond 2^53 both ways, and around $10 million, where Lua's numbers round. */
const amounts = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -5n, max: 5n }).map((cents) => 10_000_000_000_000_000n + cents),
  fc.bigInt({ min: -5n, max: 5n }).map((cents) => -10_000_000_000_000_000n + cents),
);
const pushes = fc.array(
  fc.record({
    subject: fc.constantFrom('customer:ann', 'customer:ben:}{/ x', 'global:proxy'),
    period: fc.constantFrom('none', '1700000000000-1702592000000'),
    stripe: fc.constantFrom(0, 1, 7),
    version: fc.oneof(
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(2 ** 53 - 1, 2 ** 53 - 2, 1_763_800_000_000_000),
    ),
    spentNanoUsd: amounts,
  }),
  { maxLength: 30 },
);

describe('put', () => {
  redisTest(
    'keeps the newest value of each counter, like a ten-line model, in whatever order values arrive',
    async ({ redis }) => {
      const copy = createCounterCopy(redis, ONE);
      await fc.assert(
        fc.asyncProperty(fc.array(pushes, { maxLength: 4 }), async (batches) => {
          await redis.flushdb();
          const model = new Map<string, { version: number; spentNanoUsd: bigint }>();
          for (const batch of batches) {
            await copy.put(
              EPOCH,
              batch.map((push) => ({ ...push, periodEnd: null })),
            );
            for (const { subject, period, stripe, version, spentNanoUsd } of batch) {
              const name = `sg:{b0}:e${EPOCH}:${subject} ${stripe === 0 ? period : `${period}/${stripe}`}`;
              if ((model.get(name)?.version ?? 0) < version) model.set(name, { version, spentNanoUsd });
            }
          }
          const expected = new Map<string, string>();
          for (const [name, held] of model) expected.set(name, `${held.version}:${held.spentNanoUsd}`);
          expect(await everyField(redis)).toEqual(expected);
        }),
        { numRuns: 150 },
      );
    },
  );

  redisTest('keeps the newest value when pushes arrive out of order', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    await copy.put(EPOCH, [counter({ version: 2, spentNanoUsd: 7n })]);
    await copy.put(EPOCH, [counter({ version: 1, spentNanoUsd: 5n })]);
    expect(await redis.hgetall(HASH)).toEqual({ none: '2:7' });
  });

  redisTest('writes thousands of counters in one go, in every bucket', async ({ redis }) => {
    const copy = createCounterCopy(redis, { counterBuckets: 16 });
    const counters = Array.from({ length: 3_000 }, (_, index) => counter({ subject: `customer:${index}` }));
    await copy.put(EPOCH, counters);
    expect(await redis.dbsize()).toBe(3_000);
    for (const subject of ['customer:0', 'customer:2999']) {
      expect(await redis.exists(`sg:{b${copy.bucketOf(subject)}}:e${EPOCH}:${subject}`)).toBe(1);
    }
  });

  redisTest('replaces what is no counter at all', async ({ redis }) => {
    await redis.hset(HASH, 'none', 'nonsense');
    await createCounterCopy(redis, ONE).put(EPOCH, [counter()]);
    expect(await redis.hget(HASH, 'none')).toBe('1:1');
  });

  redisTest(
    'drops a state of an older epoch, so that readers do not trust a copy nobody counts into',
    async ({ redis }) => {
      const copy = createCounterCopy(redis, ONE);
      await makeWhole(copy);
      await copy.put(EPOCH - 1, [counter()]);
      expect(await copy.states()).toMatchObject([{ epoch: EPOCH }]);
      await copy.put(EPOCH + 1, [counter()]);
      expect(await copy.states()).toEqual([null]);
    },
  );

  redisTest('works on after the server forgot its scripts', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    await copy.put(EPOCH, [counter()]);
    await redis.script('FLUSH');
    await copy.put(EPOCH, [counter({ version: 2, spentNanoUsd: 9n })]);
    expect(await redis.hget(HASH, 'none')).toBe('2:9');
  });
});

describe('the state of a bucket', () => {
  redisTest('is advanced only from the epoch and cursor it was read with', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    const cursor = 2n ** 62n;
    await makeWhole(copy, { cursor });
    const [from] = await copy.states();
    if (from === null || from === undefined || from === 'unreachable') throw new Error('no state');
    const to = { epoch: EPOCH, cursor: cursor + 1n, rulesVersion: 4 };
    // One apart: the same number once it went through a double.
    expect(await copy.advance({ bucket: 0, from: { ...from, cursor: cursor - 1n }, to, swept: null })).toBe(
      false,
    );
    expect(await copy.advance({ bucket: 0, from: { ...from, epoch: EPOCH - 1 }, to, swept: null })).toBe(
      false,
    );
    expect(await copy.advance({ bucket: 0, from, to, swept: null })).toBe(true);
    expect(await copy.states()).toMatchObject([to]);
    expect(await copy.advance({ bucket: 0, from, to, swept: null })).toBe(false);
  });

  redisTest("carries the time of Redis' clock", async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    const [before] = await redis.time();
    await makeWhole(copy);
    const [state] = await copy.states();
    if (state === null || state === undefined || state === 'unreachable') throw new Error('no state');
    expect(Math.abs(state.at.getTime() / 1_000 - Number(before))).toBeLessThan(60);
  });

  redisTest.for([
    '',
    'nonsense',
    `${EPOCH} 10 1 1`,
    `${EPOCH} 10 1 2 1700000000000`,
    `${EPOCH} -1 1 1 1700000000000`,
  ])('counts as absent when it reads "%s", and may be replaced', async (text, { redis }) => {
    const copy = createCounterCopy(redis, ONE);
    await redis.set('sg:{b0}:state', text);
    expect(await copy.states()).toEqual([null]);
    await makeWhole(copy);
    expect(await copy.states()).toMatchObject([{ epoch: EPOCH, cursor: 10n }]);
  });
});

describe('a sweep', () => {
  redisTest('advances only if Redis still has every chunk it wrote', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    await makeWhole(copy);
    const [from] = await copy.states();
    if (from === null || from === undefined || from === 'unreachable') throw new Error('no state');
    const to = { epoch: EPOCH, cursor: 20n, rulesVersion: 1 };
    expect(await copy.putSwept(mark({ position: 1 }), [counter()])).toBe(true);
    const afterFirst = await redis.get('sg:{b0}:sweep');
    expect(await copy.putSwept(mark({ position: 2 }), [counter({ version: 2 })])).toBe(true);
    // Redis comes back as it was after the first chunk.
    await redis.hset(HASH, 'none', '1:1');
    await redis.set('sg:{b0}:sweep', afterFirst ?? '');
    expect(await copy.putSwept(mark({ position: 3 }), [counter({ version: 3 })])).toBe(false);
    expect(await redis.hget(HASH, 'none')).toBe('1:1');
    expect(await copy.advance({ bucket: 0, from, to, swept: mark({ position: 2 }) })).toBe(false);
    expect(await copy.advance({ bucket: 0, from, to, swept: mark({ position: 1 }) })).toBe(true);
  });

  redisTest('displaces another one, which then cannot advance', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    await makeWhole(copy);
    const [from] = await copy.states();
    if (from === null || from === undefined || from === 'unreachable') throw new Error('no state');
    const [one, other] = [mark({ token: 'one', position: 1 }), mark({ token: 'other', position: 1 })];
    expect(await copy.putSwept(one, [counter()])).toBe(true);
    expect(await copy.putSwept(other, [counter()])).toBe(true);
    const to = { epoch: EPOCH, cursor: 20n, rulesVersion: 1 };
    expect(await copy.advance({ bucket: 0, from, to, swept: one })).toBe(false);
    expect(await copy.advance({ bucket: 0, from, to, swept: other })).toBe(true);
  });
});

describe('a build', () => {
  const whole = { epoch: EPOCH, cursor: 10n, rulesVersion: 1 };

  redisTest('makes the bucket whole only at its last chunk', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    expect(await copy.startBuild(mark(), null)).toBe(true);
    expect(await copy.putBuilt(mark({ position: 1 }), [counter()])).toBe(true);
    expect(await copy.finishBuild(mark({ position: 2 }), whole)).toBe(false);
    expect(await copy.states()).toEqual([null]);
    expect(await copy.finishBuild(mark({ position: 1 }), whole)).toBe(true);
    expect(await copy.states()).toMatchObject([whole]);
    expect(await copy.finishBuild(mark({ position: 1 }), whole)).toBe(false);
  });

  redisTest('starts over when Redis is wiped in the middle', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    await copy.startBuild(mark(), null);
    await copy.putBuilt(mark({ position: 1 }), [counter()]);
    await redis.flushdb();
    expect(await copy.putBuilt(mark({ position: 2 }), [counter()])).toBe(false);
    expect(await copy.finishBuild(mark({ position: 1 }), whole)).toBe(false);
    expect(await redis.dbsize()).toBe(0);
  });

  redisTest('gives way to a later one, and never undoes one that ended', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    const [one, other] = [mark({ token: 'one' }), mark({ token: 'other' })];
    expect(await copy.startBuild(one, null)).toBe(true);
    expect(await copy.startBuild(other, null)).toBe(true);
    expect(await copy.putBuilt({ ...one, position: 1 }, [counter()])).toBe(false);
    expect(await copy.finishBuild(other, whole)).toBe(true);
    expect(await copy.startBuild(one, null)).toBe(false);
    expect(await copy.states()).toMatchObject([whole]);
  });

  redisTest('of a new epoch takes the old state away when it begins', async ({ redis }) => {
    const copy = createCounterCopy(redis, ONE);
    await makeWhole(copy);
    const [seen] = await copy.states();
    if (seen === 'unreachable' || seen === undefined) throw new Error('no answer');
    expect(await copy.startBuild(mark({ epoch: EPOCH + 1 }), seen)).toBe(true);
    expect(await copy.states()).toEqual([null]);
  });
});

redisTest('drops exactly the fields that are named', async ({ redis }) => {
  const copy = createCounterCopy(redis, ONE);
  await copy.put(EPOCH, [
    counter({ period: '1-2' }),
    counter({ period: '2-3' }),
    counter({ subject: 'team:a', period: '1-2', stripe: 3 }),
  ]);
  await copy.prune(EPOCH, [
    { subject: 'customer:ann', period: '1-2', stripe: 0 },
    { subject: 'team:a', period: '1-2', stripe: 3 },
    { subject: 'customer:nobody', period: '1-2', stripe: 0 },
  ]);
  expect(await everyField(redis)).toEqual(new Map([[`${HASH} 2-3`, '1:1']]));
});

redisTest('unlinks the keys of past epochs bit by bit, and nothing else', async ({ redis }) => {
  const copy = createCounterCopy(redis, { counterBuckets: 4 });
  const old: CounterValue[] = Array.from({ length: 25_000 }, (_, index) =>
    counter({ subject: `customer:${index}` }),
  );
  await copy.put(EPOCH - 1, old);
  await copy.put(EPOCH, old.slice(0, 10));
  await copy.put(EPOCH + 1, old.slice(0, 10));
  await redis.set('sg:rules', 'kept');
  let calls = 1;
  while (!(await copy.unlinkOldEpochs(EPOCH))) calls += 1;
  expect(calls).toBeGreaterThan(1);
  expect(calls).toBeLessThan(10);
  expect(await redis.dbsize()).toBe(21);
});

redisTest('serves a reader the sums of the stripes, beyond what a double can hold', async ({ redis }) => {
  const copy = createCounterCopy(redis, ONE);
  const stripes = [0, 1, 2, 3, 4, 5, 6, 7].map((stripe) =>
    counter({
      subject: 'global:proxy',
      stripe,
      spentNanoUsd: 10_000_000_000_000_001n * (stripe === 7 ? -1n : 1n),
    }),
  );
  await copy.put(EPOCH, stripes);
  await makeWhole(copy);
  const reader = createSpendReader(redis, { counterBuckets: 1, stateMaxAgeMs: 60_000 });
  const subjects = [{ subject: 'global:proxy', period: 'none' }];
  expect((await reader.read({ subjects, timeoutMs: 1_000 })).spentNanoUsd).toEqual([60_000_000_000_000_006n]);
});

async function everyField(redis: Redis): Promise<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  for (const key of await redis.keys('sg:*:e*')) {
    for (const [field, value] of Object.entries(await redis.hgetall(key)))
      fields.set(`${key} ${field}`, value);
  }
  return fields;
}
