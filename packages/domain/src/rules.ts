import type { Budget, BudgetCategory, Catalogue } from './budget.ts';
import type { PeriodScheme } from './period.ts';

/** Whose periods a scheme rules: the customers' identities of one category, or the whole proxy. */
export type RuleSlot = BudgetCategory | 'global';

/** A scheme and the instant from which it is in force; null is "since ever". */
export interface SchemeInForce {
  readonly from: Date | null;
  readonly scheme: PeriodScheme;
}

export type IdentitySuffix = 'budget_id' | 'category';

/** The settings by which a call's identity is found. Ingest and enforcer must use the same ones. */
export interface AttributionSettings {
  readonly premiumAliases: readonly string[];
  readonly identitySuffix: IdentitySuffix;
  /** Substrings of a user agent that mark a call of the command line client. */
  readonly cliUserAgents: readonly string[];
  /** Public model name to the names deployed behind it. */
  readonly deployedModels: Readonly<Record<string, readonly string[]>>;
}

/**
 * Everything by which calls are attributed and checked, published as one version. Ingest and enforcer
 * read only this. `schemes` is a history per slot, oldest first, never empty, the first from null.
 */
export interface PublishedRules {
  readonly version: number;
  readonly catalogue: Catalogue;
  /** The budget that customers have by default, per category; null when there is none. */
  readonly defaultBudgetIds: Readonly<Record<BudgetCategory, string | null>>;
  readonly globalBudget: Budget | null;
  readonly schemes: Readonly<Record<RuleSlot, readonly SchemeInForce[]>>;
  readonly attribution: AttributionSettings;
}
