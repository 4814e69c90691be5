import { once } from 'node:events';
import { restamp, sampleEvent, waitFor } from '@spendgate/testkit';
import type { RunningService } from '@spendgate/testkit';
import { expect } from 'vitest';
import { check, sendEvents } from '../stack/client.ts';
import { start, writeBudgets } from '../stack/services.ts';
import { stackTest } from '../stack/stores.ts';
import type { Stores } from '../stack/stores.ts';
import { MONTHLY, counterSums, expectEqualSums } from '../stack/sums.ts';

const CUSTOMERS = 6_000;
const BATCH_EVENTS = 1_000;
const env = { BUDGETS_CONFIG: writeBudgets({ duration: '30d' }) };

/** Kills a service at the nth command to Redis that names this key. */
async function killAtCommand(
  stores: Stores,
  of: { readonly service: RunningService; readonly key: string; readonly count: number },
): Promise<void> {
  const monitor = await stores.redis.monitor();
  let seen = 0;
  const killed = new Promise<void>((resolve) => {
    monitor.on('monitor', (_time: string, command: readonly string[], source: string) => {
      if (source === 'lua' || !command.includes(of.key)) return;
      seen += 1;
      if (seen === of.count) resolve(of.service.kill('SIGKILL').then(() => undefined));
    });
  });
  try {
    await Promise.race([killed, once(monitor, 'error')]);
  } finally {
    monitor.disconnect();
  }
}

async function sendMany(ingest: RunningService, customers: number): Promise<void> {
  for (let from = 0; from < customers; from += BATCH_EVENTS) {
    const events = Array.from({ length: Math.min(BATCH_EVENTS, customers - from) }, (_, index) =>
      restamp(sampleEvent('event-success-plain-cheap'), {
        startedAt: new Date(),
        endUser: `customer-${from + index}@company.com`,
        costUsd: 0.000_1,
      }),
    );
    await sendEvents(ingest, events);
  }
}

stackTest(
  'makes Redis equal to the counters again when jobs is killed in a sweep and in a rebuild',
  { timeout: 110_000 },
  async ({ stores, onTestFinished }) => {
    let jobs = await start('jobs', { stores, env });
    const [ingest, enforcer] = await Promise.all([
      start('ingest', { stores }),
      start('enforcer', { stores }),
    ]);
    onTestFinished(async () => {
      await Promise.all([jobs.stop(), ingest.stop(), enforcer.stop()]);
    });

    await Promise.all([
      killAtCommand(stores, { service: jobs, key: 'sg:{b0}:sweep', count: 2 }),
      sendMany(ingest, CUSTOMERS),
    ]);
    jobs = await start('jobs', { stores, env });
    await expectEqualSums(stores, MONTHLY);

    const killed = killAtCommand(stores, { service: jobs, key: 'sg:{b0}:build', count: 3 });
    await stores.redis.flushall();
    await killed;
    expect(await stores.redis.get('sg:{b0}:state'), 'a half-built copy that says it is whole').toBeNull();
    const customer = { end_user: 'customer-1@company.com' };
    await waitFor(async () => (await check(enforcer, customer)).degraded, { what: 'a degraded answer' });

    jobs = await start('jobs', { stores, env, timeoutMs: 60_000 });
    await expectEqualSums(stores, MONTHLY);
    expect(Object.keys(await counterSums(stores)).length).toBeGreaterThan(CUSTOMERS);
    await waitFor(async () => !(await check(enforcer, customer)).degraded, {
      what: 'an answer from the copy',
    });
  },
);
