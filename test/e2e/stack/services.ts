import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startService, throwAwayFolder } from '@spendgate/testkit';
import type { RunningService, ServiceName } from '@spendgate/testkit';
import { REPOSITORY } from '@spendgate/testkit/servers';
import { stringify } from 'yaml';
import type { Stores } from './stores.ts';
import type { Topic } from './topic.ts';

export const TOKENS = {
  ingest: 'ingest-token-of-e2e',
  check: 'check-token-of-e2e',
  read: 'read-token-of-e2e',
  admin: 'admin-token-of-e2e',
} as const;

export const PREMIUM_BUDGET_ID = 'codemie_premium_models';
export const CLI_BUDGET_ID = 'codemie_cli';

/** Limits in USD of the three categories, and how long their periods are; cli's may differ. */
export interface BudgetsFile {
  readonly duration: string;
  readonly cliDuration?: string;
  readonly platform?: readonly [soft: number, max: number];
  readonly cli?: readonly [soft: number, max: number];
  readonly premium?: readonly [soft: number, max: number];
}

/** Writes a budgets file with the three categories and returns its path. */
export function writeBudgets(of: BudgetsFile): string {
  const path = join(throwAwayFolder(), 'budgets-config.yaml');
  const entry = (
    id: string,
    category: string,
    [soft, max]: readonly [number, number],
  ): Record<string, unknown> => ({
    budget_id: id,
    name: `Budget ${id}`,
    soft_budget: soft,
    max_budget: max,
    budget_duration: category === 'cli' ? (of.cliDuration ?? of.duration) : of.duration,
    budget_category: category,
  });
  const predefined = [
    entry('default', 'platform', of.platform ?? [50, 100]),
    entry(CLI_BUDGET_ID, 'cli', of.cli ?? [50, 100]),
    entry(PREMIUM_BUDGET_ID, 'premium_models', of.premium ?? [20, 30]),
  ];
  writeFileSync(path, stringify({ predefined_budgets: predefined }));
  return path;
}

/** Processes start in half the time when they find their modules compiled; those that are killed do not write it. */
const COMPILE_CACHE = join(REPOSITORY, 'node_modules', '.cache', 'spendgate-e2e');

type Env = Readonly<Record<string, string | undefined>>;
type Options = Parameters<typeof startService>[1];

/** Starts a service on the stores with everything turned on; `env` says otherwise. */
export async function start(
  name: ServiceName,
  of: { readonly stores: Stores; readonly topic?: Topic; readonly env?: Env } & Omit<Options, 'env'>,
): Promise<RunningService> {
  const { stores, topic, env, ...options } = of;
  const kafka = topic === undefined ? {} : kafkaEnv(topic);
  return startService(name, { ...options, env: { ...baseEnv(name, stores), ...kafka, ...env } });
}

function baseEnv(name: ServiceName, stores: Stores): Record<string, string> {
  const common = {
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    REDIS_URL: stores.redisUrl,
    INGEST_TOKENS: `litellm:${TOKENS.ingest}`,
    ENFORCER_TOKENS: `proxy:${TOKENS.check}`,
    READ_TOKENS: `reader:${TOKENS.read}`,
    ADMIN_TOKENS: `operator:${TOKENS.admin}`,
    LLM_PROXY_BUDGET_CHECK_ENABLED: 'true',
    LLM_PROXY_BUDGET_SYNC_ENABLED: 'true',
    LITELLM_PREMIUM_MODELS_ALIASES: 'opus',
  };
  if (name === 'enforcer') return { ...common, CHECK_TIMEOUT_MS: '2000' };
  const database = { ...common, DATABASE_URL: stores.databaseUrl };
  if (name === 'ingest') return database;
  return {
    ...database,
    SWEEP_INTERVAL_MS: '200',
    CLOSE_PERIODS_INTERVAL_MS: '500',
    PUBLISH_RULES_INTERVAL_MS: '500',
  };
}

function kafkaEnv(topic: Topic): Record<string, string> {
  return {
    KAFKA_BROKERS: topic.brokers,
    KAFKA_TOPIC: topic.name,
    KAFKA_GROUP: topic.group,
    KAFKA_TOPIC_PARTITIONS: '4',
  };
}
