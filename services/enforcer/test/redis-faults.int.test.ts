import { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import {
  budget,
  freePort,
  publishedRules,
  redisTest,
  startRedis,
  throwAwayFolder,
  waitFor,
} from '@spendgate/testkit';
import { countedCopy, customer } from './counted-copy.ts';
import { startEnforcer } from './started-enforcer.ts';

const JOHN = 'john@company.com';
const TIMEOUT_MS = 100;
/** What a busy machine may add; far less than what a check would wait for if it waited for Redis. */
const SLACK_MS = 1_000;
const RULES = publishedRules({
  catalogue: {
    budgets: [
      budget({ duration: null }),
      budget({ budgetId: 'codemie_cli', category: 'cli', duration: null }),
    ],
  },
});
const env = { CHECK_TIMEOUT_MS: String(TIMEOUT_MS), FAIL_MODE: 'closed', FAIL_MODE_CLI: 'open' };
const CLOSED = {
  allowed: false,
  degraded: true,
  reason: 'enforcement_unavailable',
  identity: JOHN,
  category: 'platform',
  budgets: [{ budget_id: 'default', spent_usd: null, remaining_usd: null, max_budget: 100, state: null }],
  error: { type: 'enforcement_unavailable', param: null, code: '503' },
};
const OPEN = { allowed: true, degraded: true, reason: null, category: 'cli', error: null };

/** A Redis of one test's own, since pausing and killing it would hit every other test. */
const ownRedisTest = redisTest.extend('server', async ({}, { onCleanup }) => {
  const dataDir = throwAwayFolder();
  const port = await freePort();
  let running = await startRedis({ dataDir, port });
  const redis = new Redis(running.url, { lazyConnect: true });
  redis.on('error', () => undefined);
  await redis.connect();
  onCleanup(async () => {
    redis.disconnect();
    await running.stop();
  });
  return {
    url: running.url,
    redis,
    stop: async () => running.stop(),
    start: async () => {
      running = await startRedis({ dataDir, port });
    },
  };
});

describe('a check while Redis fails', () => {
  ownRedisTest(
    'is answered in time when Redis hangs, and from the counters afterwards',
    async ({ server }) => {
      const copy = countedCopy(server.redis);
      await copy.publish(RULES);
      await copy.setState(1);
      await using enforcer = await startEnforcer(server.url, { env });
      const warm = async () => (await enforcer.check({ end_user: JOHN })).reason === null;
      await waitFor(warm, { what: 'a check from the counters' });

      await server.redis.client('PAUSE', 2_000, 'ALL');
      const startMs = performance.now();
      const answers = await Promise.all([
        enforcer.check({ end_user: JOHN }),
        enforcer.check({ end_user: JOHN, channel: 'cli' }),
      ]);
      expect(performance.now() - startMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      expect(answers).toMatchObject([CLOSED, OPEN]);
      expect(await enforcer.metric('spendgate_checks_degraded_total{cause="unavailable"}')).toBe(2);
      await waitFor(warm, { what: 'a check from the counters after the pause' });
    },
  );

  ownRedisTest(
    'is answered at once when Redis is gone, and from the counters when it is back',
    async ({ server }) => {
      const copy = countedCopy(server.redis);
      await copy.publish(RULES);
      await copy.setState(1);
      await copy.spend({ subject: customer(JOHN), usd: '100' });
      await using enforcer = await startEnforcer(server.url, { env });
      expect(await enforcer.notReady()).toEqual({});

      await server.stop();
      const startMs = performance.now();
      expect(await enforcer.check({ end_user: JOHN })).toMatchObject(CLOSED);
      expect(performance.now() - startMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      expect(await enforcer.notReady()).toHaveProperty('redis');

      await server.start();
      const fromCounters = async () =>
        (await enforcer.check({ end_user: JOHN })).reason === 'budget_exceeded';
      await waitFor(fromCounters, { what: 'a denial from the counters' });
      expect(await enforcer.notReady()).toEqual({});
    },
  );

  ownRedisTest('is answered by an enforcer that started while Redis was gone', async ({ server }) => {
    const copy = countedCopy(server.redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await server.stop();
    await using enforcer = await startEnforcer(server.url, { env });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({ allowed: false, degraded: true });
    expect(Object.keys(await enforcer.notReady())).toContain('redis');
    await server.start();
    const ready = async () => Object.keys(await enforcer.notReady()).length === 0;
    await waitFor(ready, { what: 'the enforcer to be ready', timeoutMs: 20_000 });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({ allowed: true, degraded: false });
  });

  redisTest('does not take an emptied Redis for nothing spent', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await copy.spend({ subject: customer(JOHN), usd: '100' });
    await using enforcer = await startEnforcer(redisUrl, { env: { ...env, CHECK_TIMEOUT_MS: '2000' } });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({ reason: 'budget_exceeded' });

    await redis.flushdb();
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject(CLOSED);
    expect(await enforcer.check({ end_user: JOHN, channel: 'cli' })).toMatchObject(OPEN);
    expect(await enforcer.metric('spendgate_checks_degraded_total{cause="absent"}')).toBe(2);
    expect(await enforcer.notReady()).toHaveProperty('counters');

    await copy.spend({ subject: customer(JOHN), usd: '100' });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject(CLOSED);
    await copy.setState(1);
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({
      reason: 'budget_exceeded',
      degraded: false,
    });
  });

  redisTest('does not trust a state that nobody renews', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await using enforcer = await startEnforcer(redisUrl, {
      env: { ...env, CHECK_TIMEOUT_MS: '2000', STATE_MAX_AGE_MS: '1000' },
    });
    const stale = async () => (await enforcer.check({ end_user: JOHN })).degraded;
    await waitFor(stale, { what: 'the state to grow too old' });
    expect(await enforcer.notReady()).toEqual({ counters: "the counters' state is stale" });
    await copy.setState(1);
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({ degraded: false });
  });

  ownRedisTest('is not ready on a Redis that may evict counters', async ({ server }) => {
    const copy = countedCopy(server.redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await server.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await using enforcer = await startEnforcer(server.url, { env });
    expect(await enforcer.notReady()).toEqual({ no_eviction: 'BUDGET_REDIS_EVICTS' });
  });

  ownRedisTest('is refused a place, not queued, beyond the bound of checks in flight', async ({ server }) => {
    const copy = countedCopy(server.redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await using enforcer = await startEnforcer(server.url, {
      env: { ...env, CHECK_TIMEOUT_MS: '2000', MAX_CHECKS_IN_FLIGHT: '3' },
    });
    await server.redis.client('PAUSE', 300, 'ALL');
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => enforcer.check({ end_user: JOHN })),
    );
    expect(answers.filter((answer) => answer.degraded)).toHaveLength(7);
    expect(await enforcer.metric('spendgate_checks_degraded_total{cause="overloaded"}')).toBe(7);
  });
});
