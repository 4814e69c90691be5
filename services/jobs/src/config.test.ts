import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseConfig, parseRulesConfig } from './config.ts';

const MINIMUM = {
  DATABASE_URL: 'postgres://spendgate@127.0.0.1/spendgate',
  REDIS_URL: 'redis://127.0.0.1:6379',
  READ_TOKENS: 'ops:s3cret',
};

it('has a default for everything but the stores and the tokens', () => {
  expect(parseConfig(MINIMUM)).toMatchObject({
    host: '127.0.0.1',
    port: 4300,
    counterBuckets: 1,
    partitionMonthsAhead: 3,
    closeGraceMs: 15_000,
    intervalsMs: {
      sweep: 1_000,
      walk: 5_000,
      'close-periods': 10_000,
      partitions: 600_000,
      'publish-rules': 60_000,
    },
    rulesSources: {
      budgetsPath: null,
      spendgatePath: null,
      syncEnabled: false,
      defaultPlatformBudgetId: null,
      attribution: {
        premiumAliases: [],
        identitySuffix: 'budget_id',
        cliUserAgents: ['codemie-cli', 'codemie_cli'],
        deployedModels: {},
      },
    },
  });
});

it('names every bad variable at once and no value', () => {
  const env = {
    ...MINIMUM,
    PORT: 'port-value',
    SWEEP_INTERVAL_MS: '5',
    DATABASE_URL: 'mysql://value',
    REDIS_URL: '',
  };
  expect(() => parseConfig(env)).toThrow(
    /(?=[\s\S]*PORT)(?=[\s\S]*SWEEP_INTERVAL_MS)(?=[\s\S]*DATABASE_URL)(?=[\s\S]*REDIS_URL)/u,
  );
  expect(() => parseConfig(env)).not.toThrow(/value/u);
});

it('takes the sources of the rules from the environment', () => {
  const { rulesSources } = parseConfig({
    ...MINIMUM,
    BUDGETS_CONFIG: '/etc/budgets.yaml',
    SPENDGATE_CONFIG: '/etc/spendgate.yaml',
    LLM_PROXY_BUDGET_SYNC_ENABLED: 'true',
    LITELLM_BUDGET_ID: 'team',
    LITELLM_PREMIUM_MODELS_ALIASES: '["opus", "gpt-5-pro"]',
    IDENTITY_SUFFIX: 'category',
    CLI_USER_AGENTS: 'my-cli',
  });
  expect(rulesSources).toEqual({
    budgetsPath: '/etc/budgets.yaml',
    spendgatePath: '/etc/spendgate.yaml',
    syncEnabled: true,
    defaultPlatformBudgetId: 'team',
    attribution: {
      premiumAliases: ['opus', 'gpt-5-pro'],
      identitySuffix: 'category',
      cliUserAgents: ['my-cli'],
      deployedModels: {},
    },
  });
});

it('refuses to start without tokens unless AUTH is off', () => {
  const without = { ...MINIMUM, READ_TOKENS: undefined };
  expect(() => parseConfig(without)).toThrow('set READ_TOKENS or ADMIN_TOKENS');
  expect(parseConfig({ ...without, AUTH: 'off' }).tokens.required).toBe(false);
});

it('reads tokens and addresses from files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'jobs-config-'));
  writeFileSync(join(folder, 'read'), 'ops:from-file\n');
  writeFileSync(join(folder, 'db'), 'postgres://from-file/spendgate\n');
  const config = parseConfig({
    REDIS_URL: MINIMUM.REDIS_URL,
    DATABASE_URL_FILE: join(folder, 'db'),
    READ_TOKENS_FILE: join(folder, 'read'),
  });
  expect(config.databaseUrl).toBe('postgres://from-file/spendgate');
  expect(config.tokens.find('Bearer from-file')?.name).toBe('ops');
});

it('needs no Redis and no tokens to publish the rules alone', () => {
  expect(parseRulesConfig({ DATABASE_URL: MINIMUM.DATABASE_URL }).rulesSources.syncEnabled).toBe(false);
});
