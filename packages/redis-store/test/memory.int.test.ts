import { createCounterCopy } from '@spendgate/redis-store';
import { startRedis, throwAwayFolder } from '@spendgate/testkit';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { EPOCH, counter } from './sample-counters.ts';

const CUSTOMERS = 100_000;
const MOST_BYTES = 400;

test(`takes at most ${MOST_BYTES} bytes for a customer with one identity and one period`, async () => {
  const server = await startRedis({ dataDir: throwAwayFolder(), throwAway: true });
  const redis = new Redis(server.url);
  try {
    const before = await usedMemory(redis);
    const copy = createCounterCopy(redis, { counterBuckets: 1 });
    const counters = Array.from({ length: CUSTOMERS }, (_, index) =>
      counter({
        subject: `customer:john.doe.${index}@company.com`,
        period: '1763769600000-1766361600000',
        version: 1_763_800_000_000_000 + index,
        spentNanoUsd: 12_345_678_901n,
      }),
    );
    await copy.put(EPOCH, counters);
    const bytes = ((await usedMemory(redis)) - before) / CUSTOMERS;
    expect(bytes).toBeGreaterThan(50);
    expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
  } finally {
    redis.disconnect();
    await server.stop();
  }
});

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/mu.exec(await redis.info('memory'))?.[1]);
}
