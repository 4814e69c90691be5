import { BudgetError } from '@spendgate/domain';
import type { PublishedRules } from '@spendgate/domain';

/** The published rules as a service holds them in memory. */
export interface RulesInForce {
  /** The newest rules read so far. @throws RulesNotPublished */
  current(): PublishedRules;
  /** Reads the published rules again. @throws RulesNotPublished, LedgerUnavailable */
  refresh(): Promise<PublishedRules>;
}

/** No rules have been published yet, so nothing can be attributed. The jobs service publishes them. */
export class RulesNotPublished extends BudgetError {
  readonly code = 'BUDGET_RULES_NOT_PUBLISHED';
  readonly retryable = true;
}
