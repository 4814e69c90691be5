import { usdToNano } from '@spendgate/domain';
import type { Budget } from '@spendgate/domain';
import { z } from 'zod';
import { budgetDuration, resetTime, timezone, usdAmount } from './budget-fields.ts';
import type { ConfigProblem } from './config-problem.ts';
import { readYaml, schemaProblems } from './yaml-file.ts';

/** What the Spendgate file says, defaults filled in. */
export interface SpendgateSettings {
  /** The whole proxy's budget; null when there is none. */
  readonly globalBudget: Budget | null;
  /** The IANA zone of all calendar periods. */
  readonly timezone: string;
  /** The local time at which d, w and mo periods begin, "HH:MM[:SS]"; null is midnight. */
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

/**
 * Reads the Spendgate file: what CodeMie's budgets file has no place for. All keys are optional, and an empty file
 * says nothing: `global_budget` (max_budget, soft_budget, budget_duration; none never resets), `timezone`,
 * `reset_time`. Gives all problems at once, in the order of their lines.
 */
export function parseSpendgateConfig(text: string): ParsedSpendgateConfig {
  const { file, problems: yamlProblems } = readYaml(text);
  if (file === null) return { ok: false, problems: yamlProblems };
  const problems = [...yamlProblems];
  const parsed = fileSchema.safeParse(file.value ?? {});
  const isUnquoted = file.isUnquoted([RESET_TIME]) && isGiven(file.value);
  if (isUnquoted) problems.push(file.problemAt([RESET_TIME], QUOTE_IT));
  if (!parsed.success) {
    const found = schemaProblems(file, parsed.error, []);
    problems.push(...found.filter(({ path }) => !isUnquoted || path !== RESET_TIME));
  }
  if (!parsed.success || problems.length > 0) {
    return { ok: false, problems: problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
  }
  return { ok: true, settings: toSettings(parsed.data) };
}

const RESET_TIME = 'reset_time';
const QUOTE_IT =
  'must be in quotes, such as "12:00": without them many YAML readers take 12:00 for the number 720';

const globalBudgetSchema = z
  .strictObject(
    {
      soft_budget: usdAmount.nullish(),
      max_budget: usdAmount,
      budget_duration: budgetDuration.nullish(),
    },
    { error: 'must be a mapping of a budget' },
  )
  .superRefine((budget, context) => {
    if (typeof budget.soft_budget === 'number' && budget.soft_budget > budget.max_budget) {
      context.addIssue({
        code: 'custom',
        path: ['soft_budget'],
        message: 'must not be more than max_budget',
      });
    }
  });

const fileSchema = z.strictObject(
  {
    global_budget: globalBudgetSchema.nullish(),
    timezone: timezone.nullish(),
    [RESET_TIME]: resetTime.nullish(),
  },
  { error: 'must be a mapping' },
);

/** An absent or null reset time is legal, and a null stands without quotes. */
function isGiven(value: unknown): boolean {
  return z.object({ [RESET_TIME]: z.union([z.string(), z.number()]) }).safeParse(value).success;
}

function toSettings(file: z.output<typeof fileSchema>): SpendgateSettings {
  return {
    globalBudget: file.global_budget ? toGlobalBudget(file.global_budget) : null,
    timezone: file.timezone ?? DEFAULT_SPENDGATE_SETTINGS.timezone,
    resetTime: file[RESET_TIME] ?? DEFAULT_SPENDGATE_SETTINGS.resetTime,
  };
}

function toGlobalBudget(budget: z.output<typeof globalBudgetSchema>): Budget {
  const { soft_budget: soft, max_budget: max, budget_duration: duration } = budget;
  return {
    budgetId: 'global',
    name: 'Global budget',
    description: null,
    category: null,
    softNanoUsd: soft === null || soft === undefined ? null : usdToNano(soft),
    maxNanoUsd: usdToNano(max),
    duration: duration ?? null,
    tpmLimit: null,
    rpmLimit: null,
    maxParallelRequests: null,
  };
}
