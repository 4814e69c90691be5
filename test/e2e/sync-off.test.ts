import { randomUUID } from 'node:crypto';
import { restamp, sampleEvent } from '@spendgate/testkit';
import { expect } from 'vitest';
import { check, sendEvents } from './stack/client.ts';
import { start, writeBudgets } from './stack/services.ts';
import { stackTest } from './stack/stores.ts';
import { expectEqualSums } from './stack/sums.ts';

stackTest(
  'counts without any budget while SYNC is off, whatever the budgets file says',
  async ({ stores, onTestFinished }) => {
    const budgets = writeBudgets({ duration: '30d', platform: [0.1, 0.2] });
    const env = { BUDGETS_CONFIG: budgets, LLM_PROXY_BUDGET_SYNC_ENABLED: 'false' };
    const jobs = await start('jobs', { stores, env });
    const [ingest, enforcer] = await Promise.all([
      start('ingest', { stores }),
      start('enforcer', { stores }),
    ]);
    onTestFinished(async () => {
      await Promise.all([jobs, ingest, enforcer].map(async (service) => service.stop()));
    });
    const endUser = `${randomUUID()}@company.com`;
    const event = restamp(sampleEvent('event-success-plain-premium'), {
      startedAt: new Date(),
      endUser,
      costUsd: 500,
    });
    await sendEvents(ingest, [event]);
    const answer = await check(enforcer, { end_user: endUser, model: 'claude-opus-4' });
    expect(answer).toMatchObject({ allowed: true, enforced: true, degraded: false, identity: endUser });
    expect(answer.budgets[0]).toMatchObject({
      budget_id: null,
      max_budget: null,
      spent_usd: 500,
      state: 'ok',
    });
    await expectEqualSums(stores, {});
  },
);
