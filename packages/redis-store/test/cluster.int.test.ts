import {
  assertNoEviction,
  closeRedis,
  connectRedis,
  createCounterCopy,
  createNewCustomerGate,
  createRulesCopy,
  createSpendReader,
  subscribeRules,
} from '@spendgate/redis-store';
import { waitFor } from '@spendgate/testkit';
import { Cluster } from 'ioredis';
import { expect, test } from 'vitest';
import { EPOCH, counter, makeWhole, mark } from './sample-counters.ts';
import { startCluster } from './start-cluster.ts';

const BUCKETS = { counterBuckets: 64 };

/** SKIP_REDIS_CLUSTER=1 leaves it out where there is no redis-server to start. */
const clusterTest = test.extend('cluster', async ({ skip }, { onCleanup }) => {
  if (process.env['SKIP_REDIS_CLUSTER'] === '1') skip('SKIP_REDIS_CLUSTER=1');
  const cluster = await startCluster();
  onCleanup(async () => cluster.stop());
  return cluster;
});

clusterTest('does on three nodes of a cluster what it does on one server', async ({ cluster }) => {
  const redis = await connectRedis({ redisUrl: cluster.url, name: 'test' });
  expect(redis).toBeInstanceOf(Cluster);
  expect(await assertNoEviction(redis)).toBe('never_evicts');
  const copy = createCounterCopy(redis, BUCKETS);
  const reader = createSpendReader(redis, { ...BUCKETS, stateMaxAgeMs: 60_000 });
  const subjects = Array.from({ length: 2_000 }, (_, index) => `customer:${index}`);
  await copy.put(
    EPOCH - 1,
    subjects.map((subject) => counter({ subject })),
  );
  await copy.put(
    EPOCH,
    subjects.map((subject, index) => counter({ subject, spentNanoUsd: BigInt(index) })),
  );
  for (let bucket = 0; bucket < BUCKETS.counterBuckets; bucket += 1) await makeWhole(copy, { bucket });

  const some = subjects.slice(0, 20).map((subject) => ({ subject, period: 'none' }));
  const reading = await reader.read({ subjects: some, timeoutMs: 2_000 });
  expect(reading).toMatchObject({ health: 'whole', spentNanoUsd: some.map((_, index) => BigInt(index)) });

  const bucket = copy.bucketOf('customer:7');
  const [from] = (await copy.states()).slice(bucket);
  if (from === null || from === undefined || from === 'unreachable') throw new Error('no state');
  const swept = mark({ bucket, position: 1 });
  expect(await copy.putSwept(swept, [counter({ subject: 'customer:7', version: 2 })])).toBe(true);
  expect(await copy.advance({ bucket, from, to: { ...from, cursor: 11n }, swept })).toBe(true);

  await copy.prune(
    EPOCH,
    subjects.slice(0, 1_000).map((subject) => ({ subject, period: 'none', stripe: 0 })),
  );
  while (!(await copy.unlinkOldEpochs(EPOCH)));
  const sizes = await Promise.all(
    redis instanceof Cluster ? redis.nodes('master').map(async (node) => node.dbsize()) : [],
  );
  expect(sizes.every((size) => size > 0)).toBe(true);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000 + BUCKETS.counterBuckets);

  const rules = createRulesCopy(redis);
  const told: number[] = [];
  const subscription = await subscribeRules(redis, (version) => told.push(version));
  await rules.put({ version: 5, text: 'five' });
  await waitFor(() => told.includes(5), { what: 'the message' });
  expect(await rules.find()).toEqual({ version: 5, text: 'five' });
  await subscription.close();
  const gate = createNewCustomerGate(redis);
  expect(await gate.admit({ key: 'k', customer: 'ann', limit: 1, at: new Date(), timeoutMs: 2_000 })).toBe(
    true,
  );
  await closeRedis(redis);
});

clusterTest('knows which buckets it cannot reach, and serves the others', async ({ cluster }) => {
  const redis = await connectRedis({ redisUrl: cluster.url, name: 'test', commandTimeoutMs: 1_000 });
  const copy = createCounterCopy(redis, BUCKETS);
  for (let bucket = 0; bucket < BUCKETS.counterBuckets; bucket += 1) await makeWhole(copy, { bucket });
  await cluster.killNode(1);
  const states = await waitFor(
    async () => {
      const readings = await copy.states();
      return readings.includes('unreachable') ? readings : undefined;
    },
    { what: 'the lost node to be noticed' },
  );
  const reachable = states.filter((state) => state !== 'unreachable');
  expect(reachable.length).toBeGreaterThan(BUCKETS.counterBuckets / 3);
  expect(reachable.every((state) => state?.epoch === EPOCH)).toBe(true);
  await closeRedis(redis);
});
