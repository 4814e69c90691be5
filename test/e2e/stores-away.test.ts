import { randomUUID } from 'node:crypto';
import { restamp, sampleEvent, waitFor } from '@spendgate/testkit';
import type { Payload } from '@spendgate/testkit';
import { expect } from 'vitest';
import { Refused, check, sendEvents, sendUntilTaken, spentBy } from './stack/client.ts';
import { start, writeBudgets } from './stack/services.ts';
import { ownServersTest } from './stack/stores.ts';
import { MONTHLY, expectEqualSums, expectLedgerHolds } from './stack/sums.ts';

const sent = new Set<string>();

const systemTest = ownServersTest.extend('system', { scope: 'file' }, async ({ stores }, { onCleanup }) => {
  const jobs = await start('jobs', { stores, env: { BUDGETS_CONFIG: writeBudgets({ duration: '30d' }) } });
  const [enforcer, ingest] = await Promise.all([
    start('enforcer', { stores, env: { FAIL_MODE_PREMIUM_MODELS: 'closed', CHECK_TIMEOUT_MS: '200' } }),
    start('ingest', { stores, env: { LEDGER_DEADLINE_MS: '1000' } }),
  ]);
  onCleanup(async () => {
    await Promise.all([jobs, enforcer, ingest].map(async (service) => service.stop()));
  });
  return { jobs, enforcer, ingest };
});

function events(endUser: string, count = 5): readonly Payload[] {
  return Array.from({ length: count }, () => {
    const event = restamp(sampleEvent('event-success-plain-cheap'), {
      startedAt: new Date(),
      endUser,
      costUsd: 0.25,
    });
    sent.add(String(event['id']));
    return event;
  });
}

const customer = (): string => `${randomUUID().slice(0, 8)}@company.com`;

systemTest(
  'answers by the fail policy after Redis was emptied, until it is rebuilt with the same spend',
  async ({ system, stores }) => {
    const endUser = customer();
    await sendEvents(system.ingest, events(endUser));
    const ask = async (model: string) => check(system.enforcer, { end_user: endUser, model });
    expect(spentBy(await ask('gpt-4o-mini'), endUser)).toBe(1.25);

    process.kill(system.jobs.pid, 'SIGSTOP');
    try {
      await stores.redis.flushall();
      const [open, closed] = await Promise.all([ask('gpt-4o-mini'), ask('claude-opus-4')]);
      expect(open).toMatchObject({ degraded: true, allowed: true });
      expect(closed).toMatchObject({ degraded: true, allowed: false, reason: 'enforcement_unavailable' });
    } finally {
      process.kill(system.jobs.pid, 'SIGCONT');
    }
    const seen: (number | undefined)[] = [];
    await waitFor(
      async () => {
        const answer = await ask('gpt-4o-mini');
        if (!answer.degraded) seen.push(spentBy(answer, endUser));
        return !answer.degraded;
      },
      { what: 'the copy to be whole', timeoutMs: 20_000, intervalMs: 5 },
    );
    expect(seen, 'an emptied Redis never passes for nothing spent').toEqual([1.25]);
    await expectEqualSums(stores, MONTHLY);
  },
);

systemTest(
  'goes on taking events while Redis is stopped, and loses none of them',
  async ({ system, stores }) => {
    const endUser = customer();
    await sendEvents(system.ingest, events(endUser));
    await stores.stopRedis();
    for (let batch = 0; batch < 5; batch += 1) {
      expect(await sendEvents(system.ingest, events(endUser))).toMatchObject({ accepted: 5 });
    }
    const [open, closed] = await Promise.all([
      check(system.enforcer, { end_user: endUser, model: 'gpt-4o-mini' }),
      check(system.enforcer, { end_user: endUser, model: 'claude-opus-4' }),
    ]);
    expect(open).toMatchObject({ degraded: true, allowed: true });
    expect(closed).toMatchObject({ degraded: true, allowed: false, reason: 'enforcement_unavailable' });

    await stores.startRedis();
    await waitFor(async () => spentBy(await check(system.enforcer, { end_user: endUser }), endUser) === 7.5, {
      what: 'all of the spend',
      timeoutMs: 40_000,
    });
    await expectEqualSums(stores, MONTHLY);
  },
);

systemTest(
  'answers 503 with Retry-After while PostgreSQL is stopped, and has everything after resending',
  async ({ system, stores, postgres }) => {
    const endUser = customer();
    await sendEvents(system.ingest, events(endUser));
    const batches = [events(endUser), events(endUser), events(endUser)];
    // Some of it is on its way while the server goes.
    const first = sendUntilTaken(() => system.ingest, batches[0] ?? []);
    await postgres.stop();
    const refused = await sendEvents(system.ingest, batches[1] ?? []).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refused);
    expect(refused).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^\d+$/u) });
    const checked = await check(system.enforcer, { end_user: endUser });
    expect(checked, 'checks need no PostgreSQL').toMatchObject({ degraded: false, allowed: true });

    await postgres.start();
    await Promise.all([
      first,
      ...batches.slice(1).map(async (batch) => sendUntilTaken(() => system.ingest, batch)),
    ]);
    expect(spentBy(await check(system.enforcer, { end_user: endUser }), endUser)).toBe(5);
    await expectLedgerHolds(stores, sent);
    await expectEqualSums(stores, MONTHLY);
  },
);
