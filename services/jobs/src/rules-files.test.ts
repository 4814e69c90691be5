import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { InvalidConfigFiles, loadRulesSettings } from './rules-files.ts';
import type { RulesSources } from './rules-files.ts';

const BUDGET = `
  - budget_id: team
    name: Team
    soft_budget: 5
    max_budget: 10
    budget_duration: 7d
    budget_category: platform
`;
const GLOBAL = `global_budget:
  soft_budget: 500
  max_budget: 1000
  budget_duration: 30d
timezone: Europe/Berlin
`;

function write(name: string, text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'rules-files-')), name);
  writeFileSync(path, text);
  return path;
}

const sources = (overrides: Partial<RulesSources> = {}): RulesSources => ({
  budgetsPath: null,
  spendgatePath: null,
  syncEnabled: true,
  defaultPlatformBudgetId: null,
  attribution: { premiumAliases: [], identitySuffix: 'budget_id', cliUserAgents: [], deployedModels: {} },
  ...overrides,
});

it('takes the built-in budget when there is no file', async () => {
  const { catalogue } = await loadRulesSettings(sources());
  expect(catalogue.budgets.map(({ budgetId }) => budgetId)).toEqual(['default']);
});

it('lets the file replace the built-in budget entirely', async () => {
  const budgetsPath = write('budgets.yaml', `predefined_budgets:${BUDGET}`);
  const { catalogue } = await loadRulesSettings(sources({ budgetsPath }));
  expect(catalogue.budgets.map(({ budgetId }) => budgetId)).toEqual(['team']);
});

it('lets an empty list stand for no budgets at all', async () => {
  const budgetsPath = write('budgets.yaml', 'predefined_budgets: []\n');
  expect((await loadRulesSettings(sources({ budgetsPath }))).catalogue.budgets).toEqual([]);
});

it('reads the global budget and the time zone from the second file', async () => {
  const settings = await loadRulesSettings(sources({ spendgatePath: write('spendgate.yaml', GLOBAL) }));
  expect(settings.globalBudget?.maxNanoUsd).toBe(1_000_000_000_000n);
  expect(settings.timezone).toBe('Europe/Berlin');
});

it('puts no budget in force with SYNC off, and does not even read the budgets file', async () => {
  const settings = await loadRulesSettings(
    sources({
      syncEnabled: false,
      budgetsPath: '/nonexistent',
      spendgatePath: write('spendgate.yaml', GLOBAL),
    }),
  );
  expect(settings.catalogue.budgets).toEqual([]);
  expect(settings.globalBudget).toBeNull();
  expect(settings.timezone).toBe('Europe/Berlin');
});

it('lists all problems of both files, each with its file and line', async () => {
  const budgetsPath = write(
    'budgets.yaml',
    `predefined_budgets:${BUDGET.replace('10', '-10').replace('7d', '7y')}`,
  );
  const spendgatePath = write('spendgate.yaml', 'timezone: Mars/Olympus\n');
  const error: unknown = await loadRulesSettings(sources({ budgetsPath, spendgatePath })).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InvalidConfigFiles);
  const text = String(error);
  expect(text).toMatch(/budgets\.yaml:5: .*max_budget/u);
  expect(text).toMatch(/budgets\.yaml:6: .*budget_duration/u);
  expect(text).toMatch(/spendgate\.yaml:1: .*timezone/iu);
});

it('names a file that cannot be read and the variable that names it', async () => {
  await expect(loadRulesSettings(sources({ budgetsPath: '/nonexistent/b.yaml' }))).rejects.toThrow(
    '/nonexistent/b.yaml: cannot be read (ENOENT); BUDGETS_CONFIG names it',
  );
});
