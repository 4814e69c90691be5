import { expect } from 'vitest';
import { Kafka, logLevel } from 'kafkajs';
import { kafkaTest, pgTest, redisTest } from '../src/index.ts';

pgTest('gives a migrated database of its own', async ({ database }) => {
  const { rows } = await database.pool.query(
    `select current_database() as name, to_regclass('spendgate.counters') is not null as migrated`,
  );
  expect(rows).toEqual([{ name: expect.stringMatching(/^spendgate_test_/), migrated: true }]);
});

redisTest('gives an empty Redis that does not evict', async ({ redis, redisUrl }) => {
  expect(await redis.dbsize()).toBe(0);
  expect(await redis.config('GET', 'maxmemory-policy')).toContain('noeviction');
  expect(redisUrl).toMatch(/^redis:.*\/\d+$/);
});

redisTest.for([1, 2])('starts every test with an empty Redis, time %i', async (_time, { redis }) => {
  expect(await redis.set('left-over', '1', 'NX')).toBe('OK');
});

kafkaTest('gives a Kafka that makes topics only when told', async ({ kafkaBrokers, topicName }) => {
  const admin = new Kafka({ brokers: [kafkaBrokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    expect(await admin.listTopics()).not.toContain(topicName);
    expect(await admin.createTopics({ topics: [{ topic: topicName, numPartitions: 3 }] })).toBe(true);
  } finally {
    await admin.disconnect();
  }
});
