import { describe, expect } from 'vitest';
import { periodAt, periodId, usdToNano } from '@spendgate/domain';
import { budget, publishedRules, redisTest, waitFor } from '@spendgate/testkit';
import { GLOBAL_KEY, countedCopy, customer } from './counted-copy.ts';
import { startEnforcer } from './started-enforcer.ts';

const JOHN = 'john@company.com';
const PREMIUM = `${JOHN}_codemie_premium_models`;
const CLI = `${JOHN}_codemie_cli`;

const ATTRIBUTION = {
  premiumAliases: ['opus'],
  identitySuffix: 'budget_id',
  cliUserAgents: ['codemie-cli'],
  deployedModels: {},
} as const;

const RULES = publishedRules({
  catalogue: {
    budgets: [
      budget({ duration: null }),
      budget({
        budgetId: 'codemie_cli',
        category: 'cli',
        softNanoUsd: null,
        maxNanoUsd: usdToNano('20'),
        duration: null,
      }),
      budget({
        budgetId: 'codemie_premium_models',
        category: 'premium_models',
        maxNanoUsd: usdToNano('10'),
        softNanoUsd: usdToNano('5'),
        duration: null,
      }),
    ],
  },
  globalBudget: budget({
    budgetId: 'global',
    category: null,
    maxNanoUsd: usdToNano('1000'),
    softNanoUsd: null,
    duration: null,
  }),
  attribution: ATTRIBUTION,
});

describe('a check on counters that are whole', () => {
  redisTest('allows one nano-dollar below the maximum and denies at it', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await using enforcer = await startEnforcer(redisUrl);
    await copy.spend({ subject: customer(JOHN), usd: '99.999999999' });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({
      allowed: true,
      reason: null,
      budgets: [{ spent_usd: 99.999999999, state: 'soft_exceeded', remaining_usd: 1e-9 }, { state: 'ok' }],
    });
    await copy.spend({ subject: customer(JOHN), usd: '100' });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({
      allowed: false,
      enforced: true,
      degraded: false,
      reason: 'budget_exceeded',
      budgets: [{ spent_usd: 100, state: 'exceeded', remaining_usd: 0 }, { state: 'ok' }],
      error: { message: `ExceededBudget: End User=${JOHN} over budget. Spend=100, Budget=100` },
    });
  });

  redisTest(
    'gives an unknown customer the default budget and leaves no trace',
    async ({ redis, redisUrl }) => {
      const copy = countedCopy(redis);
      await copy.publish(RULES);
      await copy.setState(1);
      await using enforcer = await startEnforcer(redisUrl);
      const keysBefore = (await redis.keys('*')).toSorted();
      expect(await enforcer.check({ end_user: 'nobody@company.com' })).toMatchObject({
        allowed: true,
        identity: 'nobody@company.com',
        category: 'platform',
        budgets: [
          { subject: { kind: 'customer', id: 'nobody@company.com' }, budget_id: 'default', spent_usd: 0 },
          { subject: { kind: 'global', id: 'proxy' }, budget_id: 'global', spent_usd: 0 },
        ],
      });
      expect((await redis.keys('*')).toSorted()).toEqual(keysBefore);
      expect(await enforcer.metric('spendgate_checks_new_customers_total')).toBe(1);
      expect(await enforcer.metric('spendgate_redis_duration_seconds_count{operation="read_spend"}')).toBe(1);
    },
  );

  redisTest('keeps base, premium and cli identities apart', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await using enforcer = await startEnforcer(redisUrl);
    const base = { end_user: JOHN, model: 'gpt-4o' };
    const premium = { end_user: JOHN, model: 'claude-OPUS-4' };
    const cli = { end_user: JOHN, model: 'gpt-4o', user_agent: 'codemie-cli/0.14' };
    const answers = async () =>
      Promise.all([base, premium, cli].map(async (question) => (await enforcer.check(question)).allowed));

    await copy.spend({ subject: customer(PREMIUM), usd: '10' });
    expect(await answers()).toEqual([true, false, true]);
    await copy.spend({ subject: customer(PREMIUM), usd: '0' });
    await copy.spend({ subject: customer(CLI), usd: '20' });
    expect(await answers()).toEqual([true, true, false]);
    await copy.spend({ subject: customer(CLI), usd: '0' });
    await copy.spend({ subject: customer(JOHN), usd: '100' });
    expect(await answers()).toEqual([false, false, true]);
    expect(await enforcer.check(premium)).toMatchObject({
      identity: PREMIUM,
      category: 'premium_models',
      error: { message: `ExceededBudget: End User=${JOHN} over budget. Spend=100, Budget=100` },
    });
    expect(await enforcer.check({ ...cli, end_user: CLI })).toMatchObject({ identity: CLI, category: 'cli' });
  });

  redisTest('denies everyone when the whole proxy is over its budget', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await copy.spend({ subject: GLOBAL_KEY, usd: '1000' });
    await using enforcer = await startEnforcer(redisUrl);
    for (const question of [{ end_user: JOHN }, { model: 'gpt-4o' }]) {
      expect(await enforcer.check(question)).toMatchObject({
        reason: 'budget_exceeded',
        error: { message: 'Proxy budget exceeded. Max budget: $1000.00' },
      });
    }
  });

  redisTest('answers GET and POST alike for ids of every kind', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await using enforcer = await startEnforcer(redisUrl);
    const ids = ['a/b:c@d', '用户 😀', 'x'.repeat(512), '{b0}', 'none/1', '}}{{', "'; --", '+%25&=', ' a '];
    for (const id of ids) {
      await copy.spend({ subject: customer(id), usd: '100.5' });
      const posted = await enforcer.check({ end_user: id });
      expect(posted).toMatchObject({ allowed: false, identity: id, budgets: [{ spent_usd: 100.5 }, {}] });
      expect(posted.error?.message).not.toContain('}}');
      expect(await enforcer.get({ end_user: id })).toEqual(posted);
    }
  });

  redisTest('says what it would find while checks are switched off', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await copy.spend({ subject: customer(JOHN), usd: '100' });
    await using enforcer = await startEnforcer(redisUrl, {
      env: { LLM_PROXY_BUDGET_CHECK_ENABLED: 'false' },
    });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({
      allowed: true,
      enforced: false,
      reason: null,
      error: null,
      budgets: [{ spent_usd: 100, state: 'exceeded' }, {}],
    });
  });
});

describe('a check and the clock', () => {
  redisTest('sees the new period from its first instant on', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    const monthly = publishedRules({ catalogue: { budgets: [budget()] } });
    await copy.publish(monthly);
    await copy.setState(1);
    let at = new Date('2026-11-30T23:59:59.999Z');
    const november = periodId(periodAt({ duration: '30d' }, at));
    await copy.spend({ subject: customer(JOHN), usd: '100', period: november });
    await using enforcer = await startEnforcer(redisUrl, { now: () => at });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({
      allowed: false,
      budgets: [{ period_start: '2026-11-01T00:00:00.000Z', resets_at: '2026-12-01T00:00:00.000Z' }],
    });
    at = new Date('2026-12-01T00:00:00Z');
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({
      allowed: true,
      budgets: [{ spent_usd: 0, period_start: '2026-12-01T00:00:00.000Z' }],
    });
  });
});

describe('a check and a change of rules', () => {
  const tighter = publishedRules({
    version: 2,
    catalogue: { budgets: [budget({ duration: null, maxNanoUsd: usdToNano('5'), softNanoUsd: null })] },
  });

  redisTest('uses new rules once the counters’ state carries them', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(publishedRules());
    await copy.setState(1);
    await copy.spend({ subject: customer(JOHN), usd: '50' });
    await using enforcer = await startEnforcer(redisUrl);
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({ allowed: true });
    await copy.publish(tighter);
    expect(await enforcer.notReady()).toEqual({});
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({ allowed: true, degraded: false });
    await copy.setState(2);
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({
      allowed: false,
      budgets: [{ max_budget: 5 }],
    });
    expect(await enforcer.metric('spendgate_rules_version')).toBe(2);
  });

  redisTest('takes a publication in by its message', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(publishedRules());
    await copy.setState(1);
    await copy.spend({ subject: customer(JOHN), usd: '50' });
    await using enforcer = await startEnforcer(redisUrl);
    await copy.publish(tighter);
    await copy.setState(2);
    const denied = async () => !(await enforcer.check({ end_user: JOHN })).allowed;
    await waitFor(denied, { what: 'the new rules to be in force', timeoutMs: 900 });
  });

  redisTest('answers by the fail policy until there are rules', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await using enforcer = await startEnforcer(redisUrl, { env: { FAIL_MODE: 'closed' } });
    expect(await enforcer.check({ end_user: JOHN })).toMatchObject({
      allowed: false,
      degraded: true,
      reason: 'enforcement_unavailable',
      identity: null,
      budgets: [],
    });
    expect(Object.keys(await enforcer.notReady())).toEqual(['rules', 'counters']);
    await copy.setState(1);
    await copy.publish(publishedRules());
    const allowed = async () => (await enforcer.check({ end_user: JOHN })).allowed;
    await waitFor(allowed, { what: 'the first rules to be in force' });
    expect(await enforcer.notReady()).toEqual({});
  });
});

describe('readiness', () => {
  redisTest('names the settings that differ from the published ones', async ({ redis, redisUrl }) => {
    const copy = countedCopy(redis);
    await copy.publish(RULES);
    await copy.setState(1);
    await using same = await startEnforcer(redisUrl, { env: { LITELLM_PREMIUM_MODELS_ALIASES: '["Opus"]' } });
    expect(await same.notReady()).toEqual({});
    await using other = await startEnforcer(redisUrl, {
      env: { LITELLM_PREMIUM_MODELS_ALIASES: 'gpt-5', IDENTITY_SUFFIX: 'category' },
    });
    expect(await other.notReady()).toEqual({
      settings: 'LITELLM_PREMIUM_MODELS_ALIASES, IDENTITY_SUFFIX differ from the published ones',
    });
  });
});

describe('the bound on new customers', () => {
  redisTest(
    'admits so many of a key and denies the next, not those it knows',
    async ({ redis, redisUrl }) => {
      const copy = countedCopy(redis);
      await copy.publish(RULES);
      await copy.setState(1);
      await copy.spend({ subject: customer(JOHN), usd: '1' });
      await using enforcer = await startEnforcer(redisUrl, {
        env: { MAX_NEW_CUSTOMERS_PER_KEY_PER_HOUR: '2' },
      });
      const reasons: (string | null)[] = [];
      for (const end_user of ['a', 'b', 'c', 'a', JOHN]) {
        reasons.push((await enforcer.check({ end_user, key: 'sk-one' })).reason);
      }
      expect(reasons).toEqual([null, null, 'new_customer_limit', null, null]);
      expect(await enforcer.check({ end_user: 'c', key: 'sk-two' })).toMatchObject({ allowed: true });
      expect((await redis.keys('*')).filter((key) => key.includes('sk-'))).toEqual([]);
    },
  );
});
