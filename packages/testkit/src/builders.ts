import { randomUUID } from 'node:crypto';
import { BUDGET_CATEGORIES, GLOBAL_SUBJECT, subjectKey } from '@spendgate/domain';
import type {
  AttributedEvent,
  Budget,
  BudgetCategory,
  Charge,
  PublishedRules,
  SchemeInForce,
  SpendEvent,
} from '@spendgate/domain';

/** A success of one cent by john@company.com, with an id of its own. */
export function spendEvent(overrides: Partial<SpendEvent> = {}): SpendEvent {
  return {
    id: `chatcmpl-${randomUUID()}`,
    callId: randomUUID(),
    startedAt: new Date('2026-11-22T10:00:00Z'),
    endedAt: new Date('2026-11-22T10:00:01Z'),
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
    provider: 'openai',
    promptTokens: 10,
    completionTokens: 20,
    userAgent: null,
    requestTags: [],
    metadata: {},
    fingerprint: 1n,
    ...overrides,
  };
}

/** An event charged to its customer's platform identity and to the whole proxy, in the period that never ends. */
export function attributedEvent(
  overrides: Partial<Omit<AttributedEvent, 'event'>> & { readonly event?: Partial<SpendEvent> } = {},
): AttributedEvent {
  const event = spendEvent(overrides.event);
  const identity = overrides.identity === undefined ? event.endUser : overrides.identity;
  const charges = event.costNanoUsd === 0n ? [] : lifetimeCharges(identity);
  return {
    base: event.endUser,
    identity,
    category: identity === null ? null : 'platform',
    charges,
    ...overrides,
    event,
  };
}

function lifetimeCharges(identity: string | null): readonly Charge[] {
  const customer = identity === null ? [] : [subjectKey({ kind: 'customer', id: identity })];
  return [...customer, subjectKey(GLOBAL_SUBJECT)].map((subject) => ({
    subject,
    period: 'none',
    periodEnd: null,
  }));
}

/** The built-in default budget: soft 50, maximum 100 dollars in 30 days, for platform use. */
export function budget(overrides: Partial<Budget> = {}): Budget {
  return {
    budgetId: 'default',
    name: 'Default Budget',
    description: null,
    category: 'platform',
    softNanoUsd: 50_000_000_000n,
    maxNanoUsd: 100_000_000_000n,
    duration: '30d',
    tpmLimit: null,
    rpmLimit: null,
    maxParallelRequests: null,
    ...overrides,
  };
}

/**
 * Rules with one platform budget that never resets. Where `catalogue` is given and `defaultBudgetIds` or `schemes` are
 * not, these follow from it: each category's first budget, in force since ever.
 */
export function publishedRules(overrides: Partial<PublishedRules> = {}): PublishedRules {
  const catalogue = overrides.catalogue ?? { budgets: [budget({ duration: null })] };
  const budgetOf = (category: BudgetCategory): Budget | undefined =>
    catalogue.budgets.find((candidate) => candidate.category === category);
  const sinceEver = (of: Budget | null | undefined): readonly SchemeInForce[] => [
    { from: null, scheme: { duration: of?.duration ?? null } },
  ];
  const [platform, cli, premium] = BUDGET_CATEGORIES;
  return {
    version: 1,
    catalogue,
    defaultBudgetIds: {
      platform: budgetOf(platform)?.budgetId ?? null,
      cli: budgetOf(cli)?.budgetId ?? null,
      premium_models: budgetOf(premium)?.budgetId ?? null,
    },
    globalBudget: null,
    schemes: {
      platform: sinceEver(budgetOf(platform)),
      cli: sinceEver(budgetOf(cli)),
      premium_models: sinceEver(budgetOf(premium)),
      global: sinceEver(overrides.globalBudget),
    },
    attribution: {
      premiumAliases: [],
      identitySuffix: 'budget_id',
      cliUserAgents: ['codemie-cli', 'codemie_cli'],
      deployedModels: {},
    },
    ...overrides,
  };
}
