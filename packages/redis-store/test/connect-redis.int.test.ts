import { join } from 'node:path';
import { SpendStoreUnavailable } from '@spendgate/domain';
import {
  RedisEvicts,
  assertNoEviction,
  closeRedis,
  connectRedis,
  createCounterCopy,
  createSpendReader,
  pingRedis,
} from '@spendgate/redis-store';
import type { RedisConnectionChange } from '@spendgate/redis-store';
import { freePort, redisTest, startRedis, throwAwayFolder, waitFor } from '@spendgate/testkit';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { counter, makeWhole } from './sample-counters.ts';

/** A server of its own, for what would disturb others; kept on disk, so that it can be started again. */
const ownRedisTest = test.extend('server', async ({}, { onCleanup }) => {
  const dataDir = join(throwAwayFolder(), 'data');
  const port = await freePort();
  let server = await startRedis({ dataDir, port });
  onCleanup(async () => server.stop());
  return {
    url: server.url,
    stop: async () => server.stop(),
    start: async () => {
      server = await startRedis({ dataDir, port });
    },
  };
});

const SUBJECTS = [{ subject: 'customer:ann', period: 'none' }];
const READER = { counterBuckets: 1, stateMaxAgeMs: 60_000 };

describe('connectRedis', () => {
  redisTest('names its connection and answers', async ({ redisUrl }) => {
    const redis = await connectRedis({ redisUrl, name: 'spendgate-test' });
    await pingRedis(redis);
    expect(await redis.client('GETNAME')).toBe('spendgate-test');
    await closeRedis(redis);
    await expect(pingRedis(redis)).rejects.toThrow(SpendStoreUnavailable);
  });

  test('says where nothing answers, without the password', async () => {
    const port = await freePort();
    const redisUrl = `redis://someone:secret@127.0.0.1:${port}`;
    const failure = connectRedis({ redisUrl, name: 'test', readyTimeoutMs: 300 });
    await expect(failure).rejects.toThrow(SpendStoreUnavailable);
    await expect(failure).rejects.toThrow(`redis://127.0.0.1:${port}`);
    await expect(failure).rejects.toThrow('ECONNREFUSED');
    await expect(failure).rejects.not.toThrow('secret');
  });

  ownRedisTest('does not wait for ever where the password is wrong', async ({ server }) => {
    const redisUrl = server.url.replace(/:[^:@]+@/u, ':wrong@');
    const failure = connectRedis({ redisUrl, name: 'test', readyTimeoutMs: 500 });
    await expect(failure).rejects.toThrow(/WRONGPASS|NOAUTH/u);
  });

  ownRedisTest('comes back after the server does, and says so once each', async ({ server }) => {
    const changes: RedisConnectionChange[] = [];
    const redis = await connectRedis({
      redisUrl: server.url,
      name: 'test',
      onConnection: (change) => changes.push(change),
    });
    const copy = createCounterCopy(redis, READER);
    const reader = createSpendReader(redis, READER);
    await copy.put(1, [counter({ spentNanoUsd: 7n })]);
    await makeWhole(copy, { epoch: 1 });
    await server.stop();
    await expect(reader.read({ subjects: SUBJECTS, timeoutMs: 1_000 })).rejects.toThrow(
      SpendStoreUnavailable,
    );
    await expect(copy.put(1, [counter()])).rejects.toThrow(SpendStoreUnavailable);
    await server.start();
    const read = async () => reader.read({ subjects: SUBJECTS, timeoutMs: 1_000 });
    const reading = await waitFor(read, { what: 'Redis to come back', timeoutMs: 20_000 });
    // The server kept its data, and lost its scripts.
    expect(reading).toMatchObject({ health: 'whole', spentNanoUsd: [7n] });
    expect(changes.map((change) => change.state)).toEqual(['lost', 'restored']);
    await closeRedis(redis);
  });
});

describe('a server that hangs', () => {
  ownRedisTest('fails a read in time, and later reads work again', async ({ server }) => {
    const redis = await connectRedis({ redisUrl: server.url, name: 'test', commandTimeoutMs: 500 });
    const admin = new Redis(server.url);
    const reader = createSpendReader(redis, READER);
    await reader.read({ subjects: SUBJECTS, timeoutMs: 1_000 });
    await admin.client('PAUSE', 2_000, 'ALL');
    const began = performance.now();
    await expect(reader.read({ subjects: SUBJECTS, timeoutMs: 50 })).rejects.toThrow('within 50 ms');
    // Well before the pause ends, however busy this machine is.
    expect(performance.now() - began).toBeLessThan(1_500);
    // The connection is given up, so that nothing queues behind it; commands then fail at once.
    await waitFor(() => redis.status !== 'ready', {
      what: 'the connection to be given up',
      timeoutMs: 3_000,
    });
    const read = async () => reader.read({ subjects: SUBJECTS, timeoutMs: 200 });
    await waitFor(read, { what: 'Redis to come back', timeoutMs: 10_000 });
    admin.disconnect();
    await closeRedis(redis);
  });
});

describe('assertNoEviction', () => {
  ownRedisTest('refuses a server that may evict and says what to set', async ({ server }) => {
    const redis = await connectRedis({ redisUrl: server.url, name: 'test' });
    expect(await assertNoEviction(redis)).toBe('never_evicts');
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(assertNoEviction(redis)).rejects.toThrow(RedisEvicts);
    await expect(assertNoEviction(redis)).rejects.toThrow('CONFIG SET maxmemory-policy noeviction');
    await closeRedis(redis);
  });

  ownRedisTest('asks INFO where CONFIG is refused, and knows when it is told nothing', async ({ server }) => {
    const admin = new Redis(server.url);
    await admin.call('ACL', 'SETUSER', 'guest', 'on', '>guest', '~*', '&*', '+@all', '-config');
    const redisUrl = server.url.replace(/\/\/:[^@]+@/u, '//guest:guest@');
    const redis = await connectRedis({ redisUrl, name: 'test' });
    expect(await assertNoEviction(redis)).toBe('never_evicts');
    await admin.call('ACL', 'SETUSER', 'guest', '-info');
    expect(await assertNoEviction(redis)).toBe('unknown');
    admin.disconnect();
    await closeRedis(redis);
  });
});
