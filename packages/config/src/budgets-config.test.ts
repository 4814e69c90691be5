import { describe, expect, it } from 'vitest';
import { BUILT_IN_CATALOGUE, parseBudgetsConfig } from './budgets-config.ts';

const DEFAULT = `predefined_budgets:
  - budget_id: default
    name: Default Budget
    description: Default platform budget for new LiteLLM customers.
    soft_budget: 50.0
    max_budget: 100.0
    budget_duration: 30d
    budget_category: platform
`;

/** A budget as the lines of a file, from line 2 on; null leaves a field out. */
function fileOf(...budgets: readonly Readonly<Record<string, string | null>>[]): string {
  const texts = budgets.map((fields) => {
    const all = {
      budget_id: 'default',
      name: 'A',
      soft_budget: '1',
      max_budget: '2',
      budget_duration: '30d',
      budget_category: 'platform',
      ...fields,
    };
    const lines = Object.entries(all).flatMap(([key, value]) => (value === null ? [] : [`${key}: ${value}`]));
    return `  - ${lines.join('\n    ')}\n`;
  });
  return `predefined_budgets:\n${texts.join('')}`;
}

/** Problems as `line path: message`. */
function problemsOf(text: string): readonly string[] {
  const parsed = parseBudgetsConfig(text);
  if (parsed.ok) return [];
  return parsed.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

const FIRST = 'predefined_budgets[0]';

describe('parseBudgetsConfig', () => {
  it('reads the default file as the built-in catalogue', () => {
    expect(parseBudgetsConfig(DEFAULT)).toEqual({ ok: true, catalogue: BUILT_IN_CATALOGUE });
  });

  it('reads one budget of each category, exact amounts and the optional limits', () => {
    const text = fileOf(
      { max_budget: '1e3', soft_budget: '0.1', budget_duration: 'Monthly' },
      { budget_id: 'codemie_cli', budget_category: 'cli', tpm_limit: '10', rpm_limit: '~' },
      { budget_id: '"7 €"', budget_category: 'premium_models', description: 'null' },
    );
    expect(parseBudgetsConfig(text)).toMatchObject({
      ok: true,
      catalogue: {
        budgets: [
          {
            maxNanoUsd: 1_000_000_000_000n,
            softNanoUsd: 100_000_000n,
            duration: 'Monthly',
            description: null,
          },
          { category: 'cli', tpmLimit: 10, rpmLimit: null, maxParallelRequests: null },
          { budgetId: '7 €', description: null },
        ],
      },
    });
  });

  it('takes an empty list', () => {
    expect(parseBudgetsConfig('predefined_budgets: []')).toEqual({ ok: true, catalogue: { budgets: [] } });
  });

  it('takes anchors and aliases', () => {
    const text = `${fileOf({ budget_duration: '&d 30d' })}${fileOf({ budget_id: 'c', budget_category: 'cli', budget_duration: '*d' }).replace(/^.*\n/, '')}`;
    expect(parseBudgetsConfig(text).ok).toBe(true);
  });

  it.each([
    ['', '1 predefined_budgets: is missing'],
    ['# nothing', '1 predefined_budgets: is missing'],
    ['predefined_budgets:', '1 predefined_budgets: must be a list'],
    ['predefined_budgets: {}', '1 predefined_budgets: must be a list'],
    ['- 1', '1 : must be a mapping with the key predefined_budgets'],
    ['predefined_budgets: []\nglobal_budget: 1', '2 global_budget: is not a known key'],
    ['predefined_budgets: []\npredefined_budgets: []', '2 predefined_budgets: stands here twice'],
    ['predefined_budgets: []\n---\na: 1', '2 : must be one document'],
    ['predefined_budgets: !mine []', '1 : is not valid YAML: Unresolved tag: !mine'],
    ['predefined_budgets:\n  - text', `2 ${FIRST}: must be a mapping of a budget`],
  ])('refuses the file %j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('refuses broken YAML with the line where it breaks', () => {
    expect(problemsOf('predefined_budgets:\n  - a: [1\n  - b: 2')[0]).toMatch(/^[23] : is not valid YAML: /);
  });

  it('refuses anchors that would make a small file huge', () => {
    const levels = Array.from(
      { length: 9 },
      (_, index) => `a${index + 1}: &a${index + 1} [${`*a${index},`.repeat(9)}]`,
    );
    const [problem] = problemsOf(`a0: &a0 [1]\n${levels.join('\n')}`);
    expect(problem).toMatch(/anchors too often/);
  });

  it('refuses a file beyond its bound', () => {
    expect(problemsOf(`#${'x'.repeat(1_000_000)}`)[0]).toMatch(/at most 1000000 characters/);
  });

  it.each([
    ['budget_id', null, '2', 'is missing'],
    ['budget_id', '12', '2', 'must be a text (numbers and switches need quotes)'],
    ['budget_id', '" "', '2', 'must not be blank'],
    ['budget_id', 'x'.repeat(129), '2', 'must be at most 128 characters'],
    ['budget_id', '"a\\nb"', '2', 'must not hold control characters'],
    ['name', null, '2', 'is missing'],
    ['name', 'true', '3', 'must be a text (numbers and switches need quotes)'],
    ['soft_budget', null, '2', 'is missing'],
    ['soft_budget', '-1', '4', 'must not be negative'],
    ['soft_budget', '3', '4', 'must not be more than max_budget'],
    ['soft_budget', '"1"', '4', 'must be a finite number of USD'],
    ['soft_budget', '~', '4', 'must be a finite number of USD'],
    ['max_budget', null, '2', 'is missing'],
    ['max_budget', '.inf', '5', 'must be a finite number of USD'],
    ['max_budget', '.nan', '5', 'must be a finite number of USD'],
    ['max_budget', '1e11', '5', 'must be at most 9000000000'],
    ['budget_duration', null, '2', 'is missing'],
    ['budget_duration', '30', '6', 'must be a text (numbers and switches need quotes)'],
    ['budget_duration', '0d', '6', 'A duration of zero never lets a period run: "0d"'],
    ['budget_duration', '1D', '6', 'Not a duration such as 30s, 5m, 1h, 7d, 2w or 1mo: "1D"'],
    ['budget_category', null, '2', 'is missing'],
    ['budget_category', 'gold', '7', 'must be one of platform, cli, premium_models'],
    ['description', '[1]', '8', 'must be a text (numbers and switches need quotes)'],
    ['tpm_limit', '1.5', '8', 'must be a whole number of at least 1'],
    ['rpm_limit', '0', '8', 'must be a whole number of at least 1'],
    ['max_parallel_requests', 'many', '8', 'must be a whole number'],
    ['colour', 'red', '8', 'is not a known key'],
  ])('refuses %s: %s', (field, value, line, message) => {
    expect(problemsOf(fileOf({ [field]: value }))).toEqual([`${line} ${FIRST}.${field}: ${message}`]);
  });

  it.each(['0', '-5', '0.0000000004'])('refuses a maximum of %s', (max) => {
    const problems = problemsOf(fileOf({ max_budget: max, soft_budget: '0' }));
    expect(problems).toContain(`5 ${FIRST}.max_budget: must be more than 0 (at least 0.000000001)`);
  });

  it('names all problems at once, in the order of their lines', () => {
    const text = fileOf(
      { name: null, max_budget: '0.5' },
      { budget_duration: 'soon', colour: 'red' },
      { budget_id: 'other', budget_category: 'cli' },
      { budget_id: 'third', budget_category: 'cli' },
    );
    expect(problemsOf(`${text}    budget_id: again\nother: 1\n`)).toEqual([
      `2 ${FIRST}.name: is missing`,
      `3 ${FIRST}.soft_budget: must not be more than max_budget`,
      '7 predefined_budgets[1].budget_id: is that of predefined_budgets[0] already',
      '11 predefined_budgets[1].budget_duration: Not a duration such as 30s, 5m, 1h, 7d, 2w or 1mo: "soon"',
      '12 predefined_budgets[1].budget_category: is that of predefined_budgets[0] already',
      '13 predefined_budgets[1].colour: is not a known key',
      '25 predefined_budgets[3].budget_category: is that of predefined_budgets[2] already',
      '26 predefined_budgets[3].budget_id: stands here twice',
      '27 other: is not a known key',
    ]);
  });
});
