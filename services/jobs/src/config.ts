import { existsSync } from 'node:fs';
import {
  flag,
  integer,
  nameList,
  postgresUrl,
  readEnvironment,
  readTogether,
  redisUrl,
  secret,
} from '@spendgate/config';
import { LOG_LEVELS } from '@spendgate/observability';
import { AUTH_MODES, tokensOf, tokenFields } from '@spendgate/runtime';
import { z } from 'zod';
import type { RulesSources } from './rules-files.ts';

const DEFAULT_BUDGETS_CONFIG = '/app/config/budgets/budgets-config.yaml';
const DEFAULT_CLI_USER_AGENTS = ['codemie-cli', 'codemie_cli'];
const MAX_INTERVAL_MS = 86_400_000;

const interval = (defaultMs: number) => integer(100, MAX_INTERVAL_MS).default(defaultMs);

/** What the rules are made of; also read where they are published without the service. */
const rulesFields = {
  BUDGETS_CONFIG: z.string().optional(),
  SPENDGATE_CONFIG: z.string().optional(),
  LITELLM_BUDGET_ID: z.string().optional(),
  LLM_PROXY_BUDGET_SYNC_ENABLED: flag().default(false),
  LITELLM_PREMIUM_MODELS_ALIASES: nameList().default([]),
  IDENTITY_SUFFIX: z.enum(['budget_id', 'category']).default('budget_id'),
  CLI_USER_AGENTS: nameList().default(DEFAULT_CLI_USER_AGENTS),
};

const environment = z.object({
  ...rulesFields,
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(1, 65_535).default(4300),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  AUTH: z.enum(AUTH_MODES).default('on'),
  METRICS_TOKEN: secret().optional(),
  SHUTDOWN_TIMEOUT_MS: integer(100, 600_000).default(25_000),
  READ_TOKENS: tokenFields.READ_TOKENS,
  READ_TOKENS_FILE: tokenFields.READ_TOKENS_FILE,
  ADMIN_TOKENS: tokenFields.ADMIN_TOKENS,
  ADMIN_TOKENS_FILE: tokenFields.ADMIN_TOKENS_FILE,
  DATABASE_URL: postgresUrl(),
  REDIS_URL: redisUrl(),
  COUNTER_BUCKETS: integer(1, 4_096).default(1),
  /** Read by the enforcer; taken here too, so that one environment serves all services. */
  LLM_PROXY_BUDGET_CHECK_ENABLED: flag().default(false),
  SWEEP_INTERVAL_MS: interval(1_000),
  WALK_INTERVAL_MS: interval(5_000),
  CLOSE_PERIODS_INTERVAL_MS: interval(10_000),
  CLOSE_PERIODS_GRACE_MS: integer(0, MAX_INTERVAL_MS).default(15_000),
  PARTITIONS_INTERVAL_MS: interval(600_000),
  PARTITION_MONTHS_AHEAD: integer(1, 24).default(3),
  PUBLISH_RULES_INTERVAL_MS: interval(60_000),
});

export type JobsConfig = ReturnType<typeof parseConfig>;

/** @throws Error - one, naming every bad variable, never its value. */
export function parseConfig(env: NodeJS.ProcessEnv) {
  const [read, tokens] = readTogether(
    () => readEnvironment(environment, env),
    () => tokensOf({ env, scopes: ['read'] }),
  );
  return {
    host: read.HOST,
    port: read.PORT,
    logLevel: read.LOG_LEVEL,
    metricsToken: read.METRICS_TOKEN ?? null,
    shutdownTimeoutMs: read.SHUTDOWN_TIMEOUT_MS,
    tokens,
    databaseUrl: read.DATABASE_URL,
    redisUrl: read.REDIS_URL,
    counterBuckets: read.COUNTER_BUCKETS,
    rulesSources: toSources(read),
    partitionMonthsAhead: read.PARTITION_MONTHS_AHEAD,
    closeGraceMs: read.CLOSE_PERIODS_GRACE_MS,
    intervalsMs: {
      sweep: read.SWEEP_INTERVAL_MS,
      walk: read.WALK_INTERVAL_MS,
      'close-periods': read.CLOSE_PERIODS_INTERVAL_MS,
      partitions: read.PARTITIONS_INTERVAL_MS,
      'publish-rules': read.PUBLISH_RULES_INTERVAL_MS,
    },
  };
}

/** The part of the environment that makes the rules, with the database they are published in. */
export function parseRulesConfig(env: NodeJS.ProcessEnv): {
  readonly databaseUrl: string;
  readonly rulesSources: RulesSources;
} {
  const read = readEnvironment(z.object({ ...rulesFields, DATABASE_URL: postgresUrl() }), env);
  return { databaseUrl: read.DATABASE_URL, rulesSources: toSources(read) };
}

function toSources(read: z.output<z.ZodObject<typeof rulesFields>>): RulesSources {
  const byDefault = existsSync(DEFAULT_BUDGETS_CONFIG) ? DEFAULT_BUDGETS_CONFIG : null;
  return {
    budgetsPath: read.BUDGETS_CONFIG ?? byDefault,
    spendgatePath: read.SPENDGATE_CONFIG ?? null,
    syncEnabled: read.LLM_PROXY_BUDGET_SYNC_ENABLED,
    defaultPlatformBudgetId: read.LITELLM_BUDGET_ID ?? null,
    attribution: {
      premiumAliases: read.LITELLM_PREMIUM_MODELS_ALIASES,
      identitySuffix: read.IDENTITY_SUFFIX,
      cliUserAgents: read.CLI_USER_AGENTS,
      deployedModels: {},
    },
  };
}
