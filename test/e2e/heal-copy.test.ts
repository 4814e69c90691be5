import { createPurgeHorizon, recordEvents, sweepOnce } from '@spendgate/application';
import type { RecordEventsPorts, SweepPorts } from '@spendgate/application';
import { SpendStoreUnavailable } from '@spendgate/domain';
import { connectLedger } from '@spendgate/ledger';
import type { LedgerConnection } from '@spendgate/ledger';
import { createCounterCopy, createRulesCopy, createSpendReader } from '@spendgate/redis-store';
import { publishedRules, spendEvent, storesTest } from '@spendgate/testkit';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';

const BUCKETS = { counterBuckets: 4 };
const NONE = { subject: 'customer:john@company.com', period: 'none' };
const GLOBAL = { subject: 'global:proxy', period: 'none' };

const healTest = storesTest
  .extend('ledger', async ({ database }, { onCleanup }) => {
    const ledger = await connectLedger({
      databaseUrl: database.url,
      applicationName: 'test',
      maxConnections: 4,
      statementTimeoutMs: 10_000,
    });
    onCleanup(async () => ledger.close());
    await ledger.rules.publish({ expected: 0, toText: (version) => `rules ${version}`, fileBudgets: [] });
    return ledger;
  })
  .extend('heal', ({ ledger, redis }) => createHealing(ledger, redis));

function createHealing(ledger: LedgerConnection, redis: Redis) {
  const copy = createCounterCopy(redis, BUCKETS);
  const reader = createSpendReader(redis, { ...BUCKETS, stateMaxAgeMs: 60_000 });
  const sweepPorts: SweepPorts = {
    source: ledger.counterSource,
    copy,
    rules: ledger.rules,
    rulesCopy: createRulesCopy(redis),
    horizon: createPurgeHorizon({ keepMs: 0, now: () => new Date() }),
    newToken: () => crypto.randomUUID(),
  };
  const rules = publishedRules();
  const recordPorts = (push: boolean): RecordEventsPorts => ({
    rules: { current: () => rules, refresh: async () => Promise.resolve(rules) },
    ledger: ledger.ledger,
    copy: push ? copy : { put: async () => Promise.reject(new SpendStoreUnavailable('away')) },
    clock: { nowMs: () => Date.now(), wait: async () => Promise.resolve() },
    rejected: ledger.rejected,
    onPushOwed: () => undefined,
    onRefused: () => undefined,
  });
  return {
    copy,
    sweep: async (ports: Partial<SweepPorts> = {}) =>
      sweepOnce({ ...sweepPorts, ...ports }, { pageRows: 3, rebuildPageRows: 4 }),
    /** Records events of a cent each; `push` false loses every push. */
    async record(count: number, of: { readonly push: boolean; readonly endUser?: string }) {
      const { outcomes } = await recordEvents(recordPorts(of.push), {
        events: Array.from({ length: count }, () =>
          spendEvent({ endUser: of.endUser ?? 'john@company.com' }),
        ),
        stripe: 3,
        deadlineAtMs: Date.now() + 10_000,
        origin: () => ({ projection: null, source: 'http', sourceOffset: null, receivedAt: new Date() }),
      });
      expect(new Set(outcomes)).toEqual(new Set(['recorded']));
    },
    async spent() {
      const reading = await reader.read({ subjects: [NONE, GLOBAL], timeoutMs: 2_000 });
      return reading.health === 'whole' ? reading.spentNanoUsd : reading.health;
    },
  };
}

healTest('the first sweep makes an empty Redis whole', async ({ heal }) => {
  expect(await heal.spent()).toBe('absent');
  expect(await heal.sweep()).toMatchObject({ rebuilt: 4, rebuiltRows: 0, rulesPut: true });
  expect(await heal.spent()).toEqual([null, null]);
});

healTest(
  'a sweep brings what pushes lost, page by page, and forgets the changes then',
  async ({ heal, database }) => {
    await heal.sweep();
    for (let customer = 0; customer < 10; customer += 1)
      await heal.record(1, { push: false, endUser: `c${customer}` });
    await heal.record(3, { push: false });
    expect(await heal.spent()).toEqual([null, null]);
    expect(await heal.sweep()).toMatchObject({ advanced: 4, lagging: 0 });
    expect(await heal.spent()).toEqual([30_000_000n, 130_000_000n]);
    await heal.sweep();
    await heal.sweep();
    expect((await database.pool.query('SELECT 1 FROM spendgate.counter_changes')).rowCount).toBe(0);
  },
);

healTest('a Redis that lost its last writes catches up from its own cursor', async ({ heal, redis }) => {
  const forgetNothing = { horizon: { after: () => null } };
  await heal.sweep(forgetNothing);
  await heal.record(1, { push: true });
  await heal.sweep(forgetNothing);
  const keys = await redis.keys('sg:{b*');
  const before = await Promise.all(keys.map(async (key) => redis.dumpBuffer(key)));
  await heal.record(2, { push: true });
  await heal.sweep(forgetNothing);
  expect(await heal.spent()).toEqual([30_000_000n, 30_000_000n]);
  for (const [index, key] of keys.entries()) await redis.restore(key, 0, before[index] ?? '', 'REPLACE');
  expect(await heal.spent()).toEqual([10_000_000n, 10_000_000n]);
  expect(await heal.sweep(forgetNothing)).toMatchObject({ advanced: 4, rebuilt: 0 });
  expect(await heal.spent()).toEqual([30_000_000n, 30_000_000n]);
});

healTest('one that went back further than the changes are kept is rebuilt', async ({ heal, redis }) => {
  await heal.sweep();
  const keys = await redis.keys('sg:{b*');
  const before = await Promise.all(keys.map(async (key) => redis.dumpBuffer(key)));
  await heal.record(2, { push: true });
  for (let round = 0; round < 3; round += 1) await heal.sweep();
  await redis.flushdb();
  for (const [index, key] of keys.entries()) await redis.restore(key, 0, before[index] ?? '', 'REPLACE');
  expect(await heal.sweep()).toMatchObject({ rebuilt: 4 });
  expect(await heal.spent()).toEqual([20_000_000n, 20_000_000n]);
});

healTest('a wiped bucket is rebuilt and the others only swept', async ({ heal, redis }) => {
  await heal.sweep();
  await heal.record(2, { push: true });
  const bucket = heal.copy.bucketOf(NONE.subject);
  await redis.del(...(await redis.keys(`sg:{b${bucket}}:*`)));
  expect(await heal.spent()).toBe('absent');
  expect(await heal.sweep()).toMatchObject({ rebuilt: 1, advanced: 3 });
  expect(await heal.spent()).toEqual([20_000_000n, 20_000_000n]);
});

healTest('a new epoch is a rebuild, and the old keys go', async ({ heal, ledger, redis }) => {
  await heal.sweep();
  await heal.record(2, { push: true });
  const epoch = await ledger.counterSource.raiseEpoch();
  await heal.record(1, { push: true });
  expect(await heal.spent()).toBe('absent');
  expect(await heal.sweep()).toMatchObject({ epoch, rebuilt: 4 });
  expect(await heal.spent()).toEqual([30_000_000n, 30_000_000n]);
  const keys = await redis.keys('sg:{b*}:e*');
  expect(keys.filter((key) => !key.includes(`:e${epoch}:`))).toEqual([]);
});

healTest('sweeps beside writers and each other end with the same sums', async ({ heal }) => {
  await heal.sweep();
  await Promise.all([
    ...Array.from({ length: 8 }, async (_, writer) => heal.record(5, { push: writer % 2 === 0 })),
    heal.sweep(),
    heal.sweep(),
    heal.sweep(),
  ]);
  await heal.sweep();
  expect(await heal.spent()).toEqual([400_000_000n, 400_000_000n]);
});
