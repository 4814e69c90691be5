import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  BUILT_IN_CATALOGUE,
  DEFAULT_SPENDGATE_SETTINGS,
  parseBudgetsConfig,
  parseSpendgateConfig,
} from '@spendgate/config';
import type { ConfigProblem, SpendgateSettings } from '@spendgate/config';
import type { AttributionSettings, Catalogue, RulesSettings } from '@spendgate/domain';

/** Where the rules come from: two files and the environment. */
export interface RulesSources {
  /** Null takes the built-in default budget. */
  readonly budgetsPath: string | null;
  readonly spendgatePath: string | null;
  /** Off: the files' budgets have no effect, so nothing has a budget. */
  readonly syncEnabled: boolean;
  readonly defaultPlatformBudgetId: string | null;
  readonly attribution: AttributionSettings;
}

/** Configuration files that cannot be used; the message lists every problem with its file and line. */
export class InvalidConfigFiles extends Error {
  override readonly name = 'InvalidConfigFiles';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The configuration files cannot be used:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.problems = problems;
  }
}

const MAX_FILE_BYTES = 4 * 1_024 * 1_024;

/**
 * Reads the files anew. Without a budgets file the built-in budget stands in; with SYNC off the budgets
 * file is not even read, and neither its budgets nor the global one are in force.
 * @throws InvalidConfigFiles - all problems of both files at once.
 */
export async function loadRulesSettings(sources: RulesSources): Promise<RulesSettings> {
  const problems: string[] = [];
  const catalogue = await loadCatalogue(sources, problems);
  const spendgate = await loadSpendgate(sources, problems);
  if (problems.length > 0) throw new InvalidConfigFiles(problems);
  return {
    catalogue,
    globalBudget: sources.syncEnabled ? spendgate.globalBudget : null,
    timezone: spendgate.timezone,
    resetTime: spendgate.resetTime,
    defaultPlatformBudgetId: sources.defaultPlatformBudgetId,
    attribution: sources.attribution,
  };
}

async function loadCatalogue(sources: RulesSources, problems: string[]): Promise<Catalogue> {
  if (!sources.syncEnabled) return { budgets: [] };
  if (sources.budgetsPath === null) return BUILT_IN_CATALOGUE;
  const text = await readText({ variable: 'BUDGETS_CONFIG', path: sources.budgetsPath }, problems);
  if (text === undefined) return { budgets: [] };
  const parsed = parseBudgetsConfig(text);
  if (parsed.ok) return parsed.catalogue;
  problems.push(...describe(sources.budgetsPath, parsed.problems));
  return { budgets: [] };
}

async function loadSpendgate(sources: RulesSources, problems: string[]): Promise<SpendgateSettings> {
  if (sources.spendgatePath === null) return DEFAULT_SPENDGATE_SETTINGS;
  const text = await readText({ variable: 'SPENDGATE_CONFIG', path: sources.spendgatePath }, problems);
  if (text === undefined) return DEFAULT_SPENDGATE_SETTINGS;
  const parsed = parseSpendgateConfig(text);
  if (parsed.ok) return parsed.settings;
  problems.push(...describe(sources.spendgatePath, parsed.problems));
  return DEFAULT_SPENDGATE_SETTINGS;
}

async function readText(
  of: { readonly variable: string; readonly path: string },
  problems: string[],
): Promise<string | undefined> {
  try {
    const text = await readFile(of.path, 'utf8');
    if (text.length <= MAX_FILE_BYTES) return text;
    problems.push(`${of.path}: larger than 4 MiB`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    problems.push(`${resolve(of.path)}: cannot be read (${code}); ${of.variable} names it`);
  }
  return undefined;
}

function describe(path: string, problems: readonly ConfigProblem[]): string[] {
  return problems.map((problem) => {
    const place = problem.line === undefined ? path : `${path}:${problem.line}`;
    return problem.path === ''
      ? `${place}: ${problem.message}`
      : `${place}: ${problem.path}: ${problem.message}`;
  });
}
