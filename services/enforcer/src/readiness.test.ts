import { createCheckRules } from '@spendgate/application';
import { describe, expect, it } from 'vitest';
import { enforcerReadiness } from './readiness.ts';
import type { RulesStatus } from './rules-follower.ts';

const WHOLE: RulesStatus = {
  redisReached: true,
  publishedVersion: 3,
  unreadable: false,
  counters: 'whole',
  fitting: true,
};

async function problems(status: RulesStatus): Promise<Readonly<Record<string, string | undefined>>> {
  const checks = await enforcerReadiness({
    follower: { refresh: async () => status, close: async () => undefined },
    rules: createCheckRules({ graceMs: 0 }),
    ownSettings: { premiumAliases: null, identitySuffix: null, cliUserAgents: null },
    assertNoEviction: async () => undefined,
  })();
  return Object.fromEntries(checks.filter(({ ok }) => !ok).map(({ name, detail }) => [name, detail]));
}

describe('enforcerReadiness', () => {
  it('is ready when a check would be answered from the counters', async () => {
    expect(await problems(WHOLE)).toEqual({});
  });

  it('says of nothing that it is missing while Redis is not reached', async () => {
    const away: RulesStatus = {
      ...WHOLE,
      redisReached: false,
      publishedVersion: null,
      counters: 'absent',
      fitting: false,
    };
    expect(await problems(away)).toEqual({
      redis: 'not reached in time',
      rules: 'not known while Redis is not reached',
      counters: 'not known while Redis is not reached',
    });
  });

  it('names what Redis lacks once it is reached', async () => {
    const empty: RulesStatus = { ...WHOLE, publishedVersion: null, counters: 'absent', fitting: false };
    expect(await problems(empty)).toEqual({
      rules: 'no rules are published; the jobs service publishes them',
      counters: "the counters' state is absent",
    });
  });
});
