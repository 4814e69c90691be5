import { BUDGET_CATEGORIES, usdToNano } from '@spendgate/domain';
import type { Budget, BudgetCategory, Catalogue } from '@spendgate/domain';
import { z } from 'zod';
import {
  budgetDuration,
  budgetId,
  budgetName,
  description,
  positiveCount,
  positiveUsdAmount,
  rule,
  usdAmount,
} from './budget-fields.ts';
import type { ConfigProblem } from './config-problem.ts';
import { readYaml, schemaProblems } from './yaml-file.ts';
import type { YamlFile } from './yaml-file.ts';

export type ParsedBudgetsConfig =
  | { readonly ok: true; readonly catalogue: Catalogue }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/**
 * Reads CodeMie's budgets file: `predefined_budgets`, a list that may be empty, at most one budget of each category.
 * CodeMie reads the same file, so no other top-level key is taken. Gives all problems at once, in the order of
 * their lines; never throws for the text's sake.
 */
export function parseBudgetsConfig(text: string): ParsedBudgetsConfig {
  const { file, problems: yamlProblems } = readYaml(text);
  if (file === null) return { ok: false, problems: yamlProblems };
  const problems = [...yamlProblems];
  const outer = outerSchema.safeParse(file.value ?? {});
  if (!outer.success) problems.push(...schemaProblems(file, outer.error, []));
  const entries = listOf(file.value);
  const budgets = entries.flatMap((entry, index): Budget[] => {
    const parsed = budgetSchema.safeParse(entry);
    if (parsed.success) return [toBudget(parsed.data)];
    problems.push(...schemaProblems(file, parsed.error, [LIST, index]));
    return [];
  });
  problems.push(...conflicts(file, entries));
  if (problems.length > 0) return { ok: false, problems: problems.toSorted(byLine) };
  return { ok: true, catalogue: { budgets } };
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

const LIST = 'predefined_budgets';

const outerSchema = z.strictObject(
  { [LIST]: z.array(z.unknown(), { error: rule('must be a list') }) },
  { error: `must be a mapping with the key ${LIST}` },
);

const budgetSchema = z.strictObject(
  {
    budget_id: budgetId,
    name: budgetName,
    description: description.nullish(),
    soft_budget: usdAmount,
    max_budget: positiveUsdAmount,
    budget_duration: budgetDuration,
    budget_category: z.enum(BUDGET_CATEGORIES, {
      error: rule(`must be one of ${BUDGET_CATEGORIES.join(', ')}`),
    }),
    tpm_limit: positiveCount.nullish(),
    rpm_limit: positiveCount.nullish(),
    max_parallel_requests: positiveCount.nullish(),
  },
  { error: 'must be a mapping of a budget' },
);

/** What budgets say of each other is looked at even where single fields of theirs are wrong. */
const looseList = z.object({ [LIST]: z.array(z.unknown()) });
const looseId = z.object({ budget_id: z.string() });
const looseCategory = z.object({ budget_category: z.enum(BUDGET_CATEGORIES) });
const looseLimits = z.object({ soft_budget: z.number(), max_budget: z.number() });

function listOf(value: unknown): readonly unknown[] {
  const parsed = looseList.safeParse(value);
  return parsed.success ? parsed.data[LIST] : [];
}

function conflicts(file: YamlFile, entries: readonly unknown[]): readonly ConfigProblem[] {
  const ids = new Map<string, number>();
  const categories = new Map<BudgetCategory, number>();
  return entries.flatMap((entry, index) => {
    const problems: ConfigProblem[] = [];
    const report = (field: string, message: string): void => {
      problems.push(file.problemAt([LIST, index, field], message));
    };
    const id = looseId.safeParse(entry).data?.budget_id;
    const sameId = id === undefined ? undefined : ids.get(id);
    if (sameId !== undefined) report('budget_id', `is that of ${LIST}[${sameId}] already`);
    else if (id !== undefined) ids.set(id, index);
    const category = looseCategory.safeParse(entry).data?.budget_category;
    const sameCategory = category === undefined ? undefined : categories.get(category);
    if (sameCategory !== undefined) report('budget_category', `is that of ${LIST}[${sameCategory}] already`);
    else if (category !== undefined) categories.set(category, index);
    const limits = looseLimits.safeParse(entry).data;
    if (limits !== undefined && limits.soft_budget > limits.max_budget) {
      report('soft_budget', 'must not be more than max_budget');
    }
    return problems;
  });
}

function toBudget(entry: z.output<typeof budgetSchema>): Budget {
  return {
    budgetId: entry.budget_id,
    name: entry.name,
    description: entry.description ?? null,
    category: entry.budget_category,
    softNanoUsd: usdToNano(entry.soft_budget),
    maxNanoUsd: usdToNano(entry.max_budget),
    duration: entry.budget_duration,
    tpmLimit: entry.tpm_limit ?? null,
    rpmLimit: entry.rpm_limit ?? null,
    maxParallelRequests: entry.max_parallel_requests ?? null,
  };
}

function byLine(a: ConfigProblem, b: ConfigProblem): number {
  return (a.line ?? 0) - (b.line ?? 0);
}
