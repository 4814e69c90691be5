import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.ts';

const MINIMUM = { REDIS_URL: 'redis://127.0.0.1:6379', ENFORCER_TOKENS: 'litellm:secret-token' };

describe('the enforcer’s settings', () => {
  it('has a default for everything but Redis and the tokens', () => {
    expect(parseConfig(MINIMUM)).toMatchObject({
      host: '127.0.0.1',
      port: 4200,
      counterBuckets: 1,
      stateMaxAgeMs: 60_000,
      maxChecksInFlight: 2_000,
      policy: {
        enforced: false,
        timeoutMs: 50,
        fail: { mode: 'open', byCategory: { platform: 'open', cli: 'open', premium_models: 'open' } },
        missingEndUser: 'allow',
        maxNewCustomersPerKeyPerHour: 0,
      },
      ownSettings: { premiumAliases: null, identitySuffix: null, cliUserAgents: null },
    });
  });

  it('takes a fail mode for one category and leaves the others to the general one', () => {
    const { policy } = parseConfig({ ...MINIMUM, FAIL_MODE: 'closed', FAIL_MODE_PREMIUM_MODELS: 'open' });
    expect(policy.fail).toEqual({
      mode: 'closed',
      byCategory: { platform: 'closed', cli: 'closed', premium_models: 'open' },
    });
  });

  it('names every bad variable at once and no value', () => {
    const env = { CHECK_TIMEOUT_MS: 'quick-value', FAIL_MODE: 'ajar-value', PORT: '99999' };
    expect(() => parseConfig({ ...MINIMUM, ...env, REDIS_URL: undefined })).toThrow(
      /(?=[\s\S]*CHECK_TIMEOUT_MS)(?=[\s\S]*FAIL_MODE)(?=[\s\S]*PORT)(?=[\s\S]*REDIS_URL)/u,
    );
    expect(() => parseConfig({ ...MINIMUM, ...env })).not.toThrow(/quick-value|ajar-value|99999/u);
  });

  it('does not start without a token that may check', () => {
    expect(() => parseConfig({ REDIS_URL: MINIMUM.REDIS_URL })).toThrow('ENFORCER_TOKENS');
    expect(() => parseConfig({ REDIS_URL: MINIMUM.REDIS_URL, ADMIN_TOKENS: 'ops:secret' })).not.toThrow();
  });
});
