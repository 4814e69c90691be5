import type { Budget, BudgetCategory, Catalogue } from './budget.ts';
import { defaultBudgetIds } from './identity.ts';
import type { PeriodScheme } from './period.ts';
import type { AttributionSettings, PublishedRules, RuleSlot, SchemeInForce } from './rules.ts';
import { nextSchemes } from './scheme-history.ts';

/** What the rules are made of, as the files and the environment say it. */
export interface RulesSettings {
  readonly catalogue: Catalogue;
  readonly globalBudget: Budget | null;
  readonly timezone: string;
  readonly resetTime: string | null;
  /** The default for customers where several platform budgets exist; null, or an unknown id, takes the first. */
  readonly defaultPlatformBudgetId: string | null;
  readonly attribution: AttributionSettings;
}

/** Rules that have not been given a version yet. */
export type UnpublishedRules = Omit<PublishedRules, 'version'>;

/**
 * Makes rules of the settings. Budgets and attribution hold at once; a slot's scheme (duration, zone, reset time)
 * changes by `nextSchemes`, continuing the history of the rules published before. A category without a budget
 * counts in the period that never ends. Repeating it on its own result changes nothing.
 * @throws InvalidDuration, InvalidTimeZone, InvalidResetTime - as `periodAt`.
 */
export function buildRules(of: {
  readonly settings: RulesSettings;
  readonly previous: PublishedRules | null;
  readonly now: Date;
}): UnpublishedRules {
  const { settings, previous, now } = of;
  const { catalogue, globalBudget, attribution } = settings;
  const budgetIds = defaultBudgetIds(catalogue, settings.defaultPlatformBudgetId);
  const schemesOf = (slot: RuleSlot, budget: Budget | null): readonly SchemeInForce[] =>
    nextSchemes({ history: previous?.schemes[slot] ?? null, scheme: schemeOf(settings, budget), now });
  const ofCategory = (category: BudgetCategory): readonly SchemeInForce[] =>
    schemesOf(category, catalogue.budgets.find(({ budgetId }) => budgetId === budgetIds[category]) ?? null);
  return {
    catalogue,
    defaultBudgetIds: budgetIds,
    globalBudget,
    schemes: {
      platform: ofCategory('platform'),
      cli: ofCategory('cli'),
      premium_models: ofCategory('premium_models'),
      global: schemesOf('global', globalBudget),
    },
    attribution,
  };
}

/**
 * Whether two sets of rules say the same, whatever their versions and the order of their records' keys. The order
 * of lists counts, for the first budget of a category is its default.
 */
export function sameRules(a: UnpublishedRules, b: UnpublishedRules): boolean {
  return canonicalText(withoutVersion(a)) === canonicalText(withoutVersion(b));
}

function schemeOf(settings: RulesSettings, budget: Budget | null): PeriodScheme {
  const duration = budget?.duration ?? null;
  if (duration === null) return { duration };
  const { timezone, resetTime } = settings;
  return resetTime === null ? { duration, timezone } : { duration, timezone, resetTime };
}

function withoutVersion(rules: UnpublishedRules): UnpublishedRules {
  const { catalogue, defaultBudgetIds: budgetIds, globalBudget, schemes, attribution } = rules;
  return { catalogue, defaultBudgetIds: budgetIds, globalBudget, schemes, attribution };
}

/** Text that is equal for values of equal content; fields that are undefined do not count. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field === 'bigint') return `${field}n`;
    if (typeof field !== 'object' || field === null || Array.isArray(field)) return field;
    return Object.fromEntries(Object.entries(field).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
