import { buildRules } from '../src/build-rules.ts';
import type { RulesSettings } from '../src/build-rules.ts';
import type { Budget, BudgetCategory } from '../src/budget.ts';
import type { PublishedRules } from '../src/rules.ts';
import type { SpendEvent } from '../src/spend-event.ts';

export function budget(of: Partial<Budget> & { readonly category: BudgetCategory | null }): Budget {
  return {
    budgetId: of.category ?? 'global',
    name: 'A budget',
    description: null,
    softNanoUsd: 50_000_000_000n,
    maxNanoUsd: 100_000_000_000n,
    duration: '30d',
    tpmLimit: null,
    rpmLimit: null,
    maxParallelRequests: null,
    ...of,
  };
}

/** A platform, a cli and a premium budget as CodeMie's operators name them, opus and o1 being premium. */
export const SETTINGS: RulesSettings = {
  catalogue: {
    budgets: [
      budget({ budgetId: 'default', category: 'platform' }),
      budget({ budgetId: 'codemie_cli', category: 'cli', duration: '1d' }),
      budget({ budgetId: 'codemie_premium_models', category: 'premium_models', duration: '7d' }),
    ],
  },
  globalBudget: null,
  timezone: 'UTC',
  resetTime: null,
  defaultPlatformBudgetId: null,
  attribution: {
    premiumAliases: ['opus', 'o1'],
    identitySuffix: 'budget_id',
    cliUserAgents: ['codemie-cli', 'codemie_cli'],
    deployedModels: {},
  },
};

export function rules(overrides: Partial<RulesSettings> = {}): PublishedRules {
  const settings = { ...SETTINGS, ...overrides };
  return { version: 1, ...buildRules({ settings, previous: null, now: new Date('2026-11-22T00:00:00Z') }) };
}

export function event(overrides: Partial<SpendEvent> = {}): SpendEvent {
  return {
    id: 'chatcmpl-1',
    callId: null,
    startedAt: new Date('2026-11-22T10:00:00Z'),
    endedAt: null,
    clockAhead: false,
    status: 'success',
    costNanoUsd: 10_000_000n,
    unpriced: false,
    cacheHit: false,
    endUser: 'john@company.com',
    keyHash: null,
    keyAlias: null,
    teamId: null,
    userId: null,
    organisationId: null,
    modelGroup: 'gpt-4o-mini',
    model: 'openai/gpt-4o-mini',
    provider: null,
    promptTokens: 1,
    completionTokens: 1,
    userAgent: null,
    requestTags: [],
    metadata: {},
    fingerprint: 1n,
    ...overrides,
  };
}
