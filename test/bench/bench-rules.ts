import { encodeRules } from '@spendgate/config';
import { buildRules } from '@spendgate/domain';
import type { Budget, BudgetCategory, PublishedRules } from '@spendgate/domain';
import { connectLedger, migrate } from '@spendgate/ledger';
import { createRulesCopy } from '@spendgate/redis-store';
import type { Redis } from 'ioredis';

export const PREMIUM_MODEL = 'claude-opus-4';

/** A budget for every customer, another for premium models, and one for the whole proxy; none is ever used up. */
export function createBenchRules(now: Date): PublishedRules {
  const settings = {
    catalogue: {
      budgets: [budget('default', 'platform'), budget('codemie_premium_models', 'premium_models')],
    },
    globalBudget: budget('global', null),
    timezone: 'UTC',
    resetTime: null,
    defaultPlatformBudgetId: null,
    attribution: {
      premiumAliases: ['claude-opus'],
      identitySuffix: 'budget_id' as const,
      cliUserAgents: ['codemie-cli', 'codemie_cli'],
      deployedModels: {},
    },
  };
  return { ...buildRules({ settings, previous: null, now }), version: 1 };
}

/** Makes the schema, this month's partitions and the first rules, as a first start does. */
export async function prepareDatabase(databaseUrl: string, now: Date): Promise<void> {
  await migrate({ databaseUrl });
  const connection = await connectLedger({
    databaseUrl,
    applicationName: 'spendgate-bench',
    maxConnections: 1,
    statementTimeoutMs: 60_000,
  });
  try {
    await connection.upkeep.createPartitions({ at: now, monthsAhead: 3 });
    const rules = createBenchRules(now);
    await connection.rules.publish({
      expected: 0,
      toText: (version) => encodeRules({ ...rules, version }),
    });
  } finally {
    await connection.close();
  }
}

export async function publishToRedis(redis: Redis, rules: PublishedRules): Promise<void> {
  await createRulesCopy(redis).put({ version: rules.version, text: encodeRules(rules) });
}

function budget(budgetId: string, category: BudgetCategory | null): Budget {
  return {
    budgetId,
    name: budgetId,
    description: null,
    category,
    softNanoUsd: 500_000_000_000_000n,
    maxNanoUsd: 1_000_000_000_000_000n,
    duration: '30d',
    tpmLimit: null,
    rpmLimit: null,
    maxParallelRequests: null,
  };
}
