import type { Catalogue } from '@spendgate/domain';
import type { ConfigProblem } from './config-problem.ts';

export type ParsedBudgetsConfig =
  | { readonly ok: true; readonly catalogue: Catalogue }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export function parseBudgetsConfig(text: string): ParsedBudgetsConfig {
  throw new Error(`not built yet: ${text.length}`);
}

/** The catalogue of an installation without a budgets file: CodeMie's one default budget. */
export const BUILT_IN_CATALOGUE: Catalogue = {
  budgets: [
    {
      budgetId: 'default',
      name: 'Default Budget',
      description: 'Default platform budget for new LiteLLM customers.',
      category: 'platform',
      softNanoUsd: 50_000_000_000n,
      maxNanoUsd: 100_000_000_000n,
      duration: '30d',
      tpmLimit: null,
      rpmLimit: null,
      maxParallelRequests: null,
    },
  ],
};
