import type { Budget, Catalogue } from './budget.ts';
import { InvariantBroken } from './errors.ts';
import type { AttributionSettings, PublishedRules } from './rules.ts';

/** What the rules are made of, as the files and the environment say it. */
export interface RulesSettings {
  readonly catalogue: Catalogue;
  readonly globalBudget: Budget | null;
  readonly timezone: string;
  readonly resetTime: string | null;
  /** The default for customers where several platform budgets exist; null takes the first. */
  readonly defaultPlatformBudgetId: string | null;
  readonly attribution: AttributionSettings;
}

export function buildRules(of: {
  readonly settings: RulesSettings;
  readonly previous: PublishedRules | null;
  readonly now: Date;
}): Omit<PublishedRules, 'version'> {
  throw new InvariantBroken(`not built yet: ${of.settings.timezone}`);
}

export function sameRules(a: Omit<PublishedRules, 'version'>, b: Omit<PublishedRules, 'version'>): boolean {
  return a === b;
}
