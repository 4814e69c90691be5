import type { NanoUsd } from './money.ts';

export const BUDGET_CATEGORIES = ['platform', 'cli', 'premium_models'] as const;
export type BudgetCategory = (typeof BUDGET_CATEGORIES)[number];

/** Limits that hang on a subject. A null limit is none of ours; a maximum of 0 allows nothing. */
export interface Budget {
  readonly budgetId: string;
  readonly name: string;
  readonly description: string | null;
  /** The kind of use it limits for customers; null on budgets for other subjects. */
  readonly category: BudgetCategory | null;
  readonly softNanoUsd: NanoUsd | null;
  readonly maxNanoUsd: NanoUsd | null;
  /** LiteLLM's duration text (`30d`, `1mo`); null never resets. */
  readonly duration: string | null;
  readonly tpmLimit: number | null;
  readonly rpmLimit: number | null;
  readonly maxParallelRequests: number | null;
}

/** The budgets that a budgets file (or its built-in default) defines; at most one of each category. */
export interface Catalogue {
  readonly budgets: readonly Budget[];
}
