import type { PublishedRules, SchemeInForce, SpendEvent } from '@spendgate/domain';

// Not from the test kit: that one needs vitest around it, and the simulation also runs by itself.
const PLAIN: Omit<SpendEvent, 'id' | 'startedAt' | 'costNanoUsd' | 'endUser' | 'fingerprint'> = {
  callId: null,
  endedAt: null,
  clockAhead: false,
  status: 'success',
  unpriced: false,
  cacheHit: false,
  keyHash: null,
  keyAlias: null,
  teamId: null,
  userId: null,
  organisationId: null,
  modelGroup: 'gpt',
  model: 'gpt',
  provider: 'openai',
  promptTokens: 1,
  completionTokens: 1,
  userAgent: null,
  requestTags: [],
  metadata: {},
};

export function sampleEvent(
  of: Pick<SpendEvent, 'id' | 'startedAt' | 'costNanoUsd' | 'endUser' | 'fingerprint'> & Partial<SpendEvent>,
): SpendEvent {
  return { ...PLAIN, ...of };
}

/** Customers' periods are hours, the proxy's never ends. */
export function sampleRules(version: number): PublishedRules {
  const hourly: readonly SchemeInForce[] = [{ from: null, scheme: { duration: '1h' } }];
  const never: readonly SchemeInForce[] = [{ from: null, scheme: { duration: null } }];
  const budget = {
    budgetId: 'default',
    name: 'Default',
    description: null,
    category: 'platform' as const,
    softNanoUsd: null,
    maxNanoUsd: 100_000_000_000n,
    duration: '1h',
    tpmLimit: null,
    rpmLimit: null,
    maxParallelRequests: null,
  };
  return {
    version,
    catalogue: { budgets: [budget] },
    defaultBudgetIds: { platform: 'default', cli: null, premium_models: null },
    globalBudget: null,
    schemes: { platform: hourly, cli: never, premium_models: never, global: never },
    attribution: {
      premiumAliases: [],
      identitySuffix: 'budget_id',
      cliUserAgents: ['codemie-cli'],
      deployedModels: {},
    },
  };
}
