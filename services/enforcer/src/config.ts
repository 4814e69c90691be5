import { z } from 'zod';
import { flag, integer, nameList, readEnvironment, readTogether, redisUrl, secret } from '@spendgate/config';
import type { CheckPolicy } from '@spendgate/application';
import { LOG_LEVELS } from '@spendgate/observability';
import type { LogLevel } from '@spendgate/observability';
import { AUTH_MODES, tokensOf, tokenFields } from '@spendgate/runtime';
import type { Tokens } from '@spendgate/runtime';
import type { OwnSettings } from '@spendgate/domain';

export interface EnforcerConfig {
  readonly host: string;
  readonly port: number;
  readonly logLevel: LogLevel;
  readonly shutdownTimeoutMs: number;
  readonly tokens: Tokens;
  readonly metricsToken: string | null;
  readonly redisUrl: string;
  readonly counterBuckets: number;
  readonly stateMaxAgeMs: number;
  readonly maxChecksInFlight: number;
  readonly policy: CheckPolicy;
  readonly ownSettings: OwnSettings;
}

const failMode = z.enum(['open', 'closed']);
const categoryFailMode = z.enum(['open', 'closed', 'inherit']).default('inherit');

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65_535).default(4200),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  AUTH: z.enum(AUTH_MODES).default('on'),
  ...tokenFields,
  METRICS_TOKEN: secret().optional(),
  SHUTDOWN_TIMEOUT_MS: integer(100, 600_000).default(25_000),
  REDIS_URL: redisUrl(),
  COUNTER_BUCKETS: integer(1, 4_096).default(1),
  CHECK_TIMEOUT_MS: integer(1, 5_000).default(50),
  STATE_MAX_AGE_MS: integer(1_000, 86_400_000).default(60_000),
  MAX_CHECKS_IN_FLIGHT: integer(1, 1_000_000).default(2_000),
  FAIL_MODE: failMode.default('open'),
  FAIL_MODE_PLATFORM: categoryFailMode,
  FAIL_MODE_CLI: categoryFailMode,
  FAIL_MODE_PREMIUM_MODELS: categoryFailMode,
  MISSING_END_USER: z.enum(['allow', 'deny']).default('allow'),
  MAX_NEW_CUSTOMERS_PER_KEY_PER_HOUR: integer(0, 1_000_000).default(0),
  LLM_PROXY_BUDGET_CHECK_ENABLED: flag().default(false),
  LITELLM_PREMIUM_MODELS_ALIASES: nameList().optional(),
  IDENTITY_SUFFIX: z.enum(['budget_id', 'category']).optional(),
  CLI_USER_AGENTS: nameList().optional(),
});
type Environment = z.output<typeof environment>;

/** Reads the enforcer's settings. @throws Error - naming every bad variable, never its value */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): EnforcerConfig {
  const [read, tokens] = readTogether(
    () => readEnvironment(environment, env),
    () => tokensOf({ env, scopes: ['check'] }),
  );
  return {
    host: read.HOST,
    port: read.PORT,
    logLevel: read.LOG_LEVEL,
    shutdownTimeoutMs: read.SHUTDOWN_TIMEOUT_MS,
    tokens,
    metricsToken: read.METRICS_TOKEN ?? null,
    redisUrl: read.REDIS_URL,
    counterBuckets: read.COUNTER_BUCKETS,
    stateMaxAgeMs: read.STATE_MAX_AGE_MS,
    maxChecksInFlight: read.MAX_CHECKS_IN_FLIGHT,
    policy: toPolicy(read),
    ownSettings: {
      premiumAliases: read.LITELLM_PREMIUM_MODELS_ALIASES ?? null,
      identitySuffix: read.IDENTITY_SUFFIX ?? null,
      cliUserAgents: read.CLI_USER_AGENTS ?? null,
    },
  };
}

function toPolicy(read: Environment): CheckPolicy {
  return {
    enforced: read.LLM_PROXY_BUDGET_CHECK_ENABLED,
    timeoutMs: read.CHECK_TIMEOUT_MS,
    fail: {
      mode: read.FAIL_MODE,
      byCategory: {
        platform: orInherited(read.FAIL_MODE_PLATFORM, read.FAIL_MODE),
        cli: orInherited(read.FAIL_MODE_CLI, read.FAIL_MODE),
        premium_models: orInherited(read.FAIL_MODE_PREMIUM_MODELS, read.FAIL_MODE),
      },
    },
    missingEndUser: read.MISSING_END_USER,
    maxNewCustomersPerKeyPerHour: read.MAX_NEW_CUSTOMERS_PER_KEY_PER_HOUR,
  };
}

function orInherited(
  mode: z.output<typeof categoryFailMode>,
  inherited: z.output<typeof failMode>,
): z.output<typeof failMode> {
  return mode === 'inherit' ? inherited : mode;
}
