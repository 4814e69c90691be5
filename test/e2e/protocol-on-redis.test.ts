import { createCounterCopy } from '@spendgate/redis-store';
import { redisTest } from '@spendgate/testkit';
import { expect } from 'vitest';
import { createRealRedis } from '../simulation/real-redis.ts';
import { simulate } from '../simulation/simulate.ts';

const SEEDS = 12;

redisTest(
  'the protocol holds on the scripts of a real Redis, whatever fails in between',
  async ({ redis }) => {
    const bucketOf = (subject: string, counterBuckets: number): number =>
      createCounterCopy(redis, { counterBuckets }).bucketOf(subject);
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      await redis.flushdb();
      const { violations } = await simulate({ seed, bucketOf, redis: (of) => createRealRedis(redis, of) });
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
  },
);
