import type { Budget } from '@spendgate/domain';
import type { ConfigProblem } from './config-problem.ts';

/** What the Spendgate file says, defaults filled in. */
export interface SpendgateSettings {
  readonly globalBudget: Budget | null;
  readonly timezone: string;
  readonly resetTime: string | null;
}

export type ParsedSpendgateConfig =
  | { readonly ok: true; readonly settings: SpendgateSettings }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** The settings of an installation without a Spendgate file. */
export const DEFAULT_SPENDGATE_SETTINGS: SpendgateSettings = {
  globalBudget: null,
  timezone: 'UTC',
  resetTime: null,
};

export function parseSpendgateConfig(text: string): ParsedSpendgateConfig {
  throw new Error(`not built yet: ${text.length}`);
}
