import { SpendStoreUnavailable } from '@spendgate/domain';
import { createCounterCopy, createSpendReader } from '@spendgate/redis-store';
import { redisTest, waitFor } from '@spendgate/testkit';
import { describe, expect } from 'vitest';
import { EPOCH, counter, makeWhole } from './sample-counters.ts';

const ANN = { subject: 'customer:ann', period: 'none' };
const GLOBAL = { subject: 'global:proxy', period: 'none' };
const MAX_AGE = { stateMaxAgeMs: 60_000 };
const ask = (...subjects: readonly (typeof ANN)[]) => ({ subjects, timeoutMs: 2_000 });

describe.each([1, 16])('with %i buckets', (counterBuckets) => {
  const whole = async (copy: ReturnType<typeof createCounterCopy>, epoch = EPOCH): Promise<void> => {
    for (let bucket = 0; bucket < counterBuckets; bucket += 1)
      await makeWhole(copy, { bucket, epoch, rulesVersion: bucket + 3 });
  };

  redisTest('tells what was spent, in the order asked, and null where nothing was', async ({ redis }) => {
    const copy = createCounterCopy(redis, { counterBuckets });
    const reader = createSpendReader(redis, { counterBuckets, ...MAX_AGE });
    await whole(copy);
    await copy.put(EPOCH, [
      counter({ spentNanoUsd: 7n }),
      counter({ subject: 'global:proxy', spentNanoUsd: 1n }),
      counter({ subject: 'global:proxy', stripe: 7, spentNanoUsd: 2n }),
    ]);
    const nobody = { subject: 'customer:nobody', period: 'none' };
    const reading = await reader.read(ask(GLOBAL, nobody, ANN, { ...ANN, period: '1-2' }, ANN));
    expect(reading).toMatchObject({ health: 'whole', spentNanoUsd: [3n, null, 7n, null, 7n] });
    const buckets = [GLOBAL, nobody, ANN].map(({ subject }) => copy.bucketOf(subject));
    expect(reading.rulesVersion).toBe(Math.min(...buckets) + 3);
  });

  redisTest(
    'says absent before a build, after a wipe, and for another number of buckets',
    async ({ redis }) => {
      const copy = createCounterCopy(redis, { counterBuckets });
      const reader = createSpendReader(redis, { counterBuckets, ...MAX_AGE });
      expect(await reader.read(ask(ANN))).toMatchObject({ health: 'absent', rulesVersion: 0 });
      await whole(copy);
      expect(await reader.read(ask(ANN))).toMatchObject({ health: 'whole' });
      const other = createSpendReader(redis, { counterBuckets: counterBuckets + 1, ...MAX_AGE });
      expect(await other.read(ask(ANN))).toMatchObject({ health: 'absent' });
      await redis.flushdb();
      expect(await reader.read(ask(ANN))).toMatchObject({ health: 'absent' });
    },
  );

  redisTest('follows a new epoch at once', async ({ redis }) => {
    const copy = createCounterCopy(redis, { counterBuckets });
    const reader = createSpendReader(redis, { counterBuckets, ...MAX_AGE });
    await copy.put(EPOCH, [counter({ spentNanoUsd: 7n })]);
    await whole(copy);
    expect(await reader.read(ask(ANN))).toMatchObject({ spentNanoUsd: [7n] });
    await whole(copy, EPOCH + 1);
    expect(await reader.read(ask(ANN))).toMatchObject({ health: 'whole', spentNanoUsd: [null] });
    await copy.put(EPOCH + 1, [counter({ spentNanoUsd: 8n })]);
    expect(await reader.read(ask(ANN))).toMatchObject({ health: 'whole', spentNanoUsd: [8n] });
  });
});

redisTest("says stale when the state is older than the bound by Redis' own clock", async ({ redis }) => {
  const copy = createCounterCopy(redis, { counterBuckets: 1 });
  await makeWhole(copy);
  const [seconds] = await redis.time();
  const state = await redis.get('sg:{b0}:state');
  const at = (Number(seconds) - 61) * 1_000;
  await redis.set('sg:{b0}:state', `${state?.split(' ').slice(0, 4).join(' ')} ${at}`);
  const patient = createSpendReader(redis, { counterBuckets: 1, stateMaxAgeMs: 70_000 });
  const strict = createSpendReader(redis, { counterBuckets: 1, stateMaxAgeMs: 60_000 });
  expect(await patient.read(ask(ANN))).toMatchObject({ health: 'whole' });
  expect(await strict.read(ask(ANN))).toMatchObject({ health: 'stale', rulesVersion: 1 });
});

redisTest.for(['nonsense', '1:', ':5', '1:5x', '1:5.5', ''])(
  'calls a counter that reads "%s" absent, never unspent, and only for those who ask for it',
  async (value, { redis }) => {
    const copy = createCounterCopy(redis, { counterBuckets: 1 });
    const reader = createSpendReader(redis, { counterBuckets: 1, ...MAX_AGE });
    await copy.put(EPOCH, [counter({ subject: 'global:proxy' })]);
    await makeWhole(copy);
    await redis.hset(`sg:{b0}:e${EPOCH}:customer:ann`, 'none', value);
    // In the same turn, so that both share one call.
    const readings = await Promise.all([reader.read(ask(ANN, GLOBAL)), reader.read(ask(GLOBAL))]);
    expect(readings).toMatchObject([{ health: 'absent' }, { health: 'whole', spentNanoUsd: [1n] }]);
  },
);

redisTest.for([
  ['customer:ann', ANN],
  ['team:red', { subject: 'team:red', period: 'none' }],
] as const)(
  'calls %s absent where its key is no hash, and only for those who ask',
  async ([subject, asked], { redis }) => {
    const copy = createCounterCopy(redis, { counterBuckets: 1 });
    const reader = createSpendReader(redis, { counterBuckets: 1, ...MAX_AGE });
    await copy.put(EPOCH, [counter({ subject: 'global:proxy' })]);
    await makeWhole(copy);
    await redis.set(`sg:{b0}:e${EPOCH}:${subject}`, 'foreign');
    const readings = await Promise.all([reader.read(ask(asked, GLOBAL)), reader.read(ask(GLOBAL))]);
    expect(readings).toMatchObject([{ health: 'absent' }, { health: 'whole', spentNanoUsd: [1n] }]);
  },
);

redisTest('answers many reads of one turn with few calls, each with its own counters', async ({ redis }) => {
  const copy = createCounterCopy(redis, { counterBuckets: 1 });
  const reader = createSpendReader(redis, { counterBuckets: 1, ...MAX_AGE });
  const subjects = Array.from({ length: 500 }, (_, index) => `customer:${index}`);
  await copy.put(
    EPOCH,
    subjects.map((subject, index) => counter({ subject, spentNanoUsd: BigInt(index) })),
  );
  await makeWhole(copy);
  await reader.read(ask(ANN));
  const before = await callsOf(redis);
  const readings = await Promise.all(
    subjects.map(async (subject) => reader.read(ask({ subject, period: 'none' }, GLOBAL))),
  );
  expect(readings.map((reading) => reading.spentNanoUsd[0])).toEqual(
    subjects.map((_, index) => BigInt(index)),
  );
  expect((await callsOf(redis)) - before).toBeLessThan(10);
});

redisTest(
  'reads state and counters as of one instant while Redis is wiped and rebuilt over and over',
  async ({ redis }) => {
    const copy = createCounterCopy(redis, { counterBuckets: 1 });
    const reader = createSpendReader(redis, { counterBuckets: 1, ...MAX_AGE });
    let running = true;
    const rebuilding = (async () => {
      for (let round = 0; round < 300; round += 1) {
        await redis.flushdb();
        await copy.put(EPOCH, [counter({ spentNanoUsd: 7n })]);
        await makeWhole(copy);
      }
      running = false;
    })();
    const seen = new Set<string>();
    await waitFor(
      async () => {
        const { health, spentNanoUsd } = await reader.read(ask(ANN));
        seen.add(`${health} ${health === 'whole' ? spentNanoUsd.join() : ''}`);
        return !running;
      },
      { what: 'the rebuilds', intervalMs: 0 },
    );
    await rebuilding;
    expect([...seen].filter((reading) => reading !== 'absent ' && reading !== 'whole 7')).toEqual([]);
  },
);

redisTest('does not take a stall of its own process for a Redis that is late', async ({ redis }) => {
  const copy = createCounterCopy(redis, { counterBuckets: 1 });
  const reader = createSpendReader(redis, { counterBuckets: 1, ...MAX_AGE });
  await makeWhole(copy);
  await reader.read(ask(ANN));
  const reading = reader.read({ subjects: [ANN], timeoutMs: 50 });
  // The question has just been sent, and timers are what this process looks at next.
  await new Promise((resolve) => setImmediate(resolve));
  const untilMs = performance.now() + 200;
  while (performance.now() < untilMs);
  expect(await reading).toMatchObject({ health: 'whole' });
});

redisTest('fails as unavailable on a closed connection', async ({ redis }) => {
  const reader = createSpendReader(redis, { counterBuckets: 1, ...MAX_AGE });
  redis.disconnect();
  await expect(reader.read(ask(ANN))).rejects.toThrow(SpendStoreUnavailable);
});

async function callsOf(redis: { info(section: string): Promise<string> }): Promise<number> {
  return Number(/^cmdstat_evalsha:calls=(\d+)/mu.exec(await redis.info('commandstats'))?.[1] ?? 0);
}
