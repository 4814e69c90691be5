import { describe, expect, it } from 'vitest';
import { DEFAULT_SPENDGATE_SETTINGS, parseSpendgateConfig } from './spendgate-config.ts';

function problemsOf(text: string): readonly string[] {
  const parsed = parseSpendgateConfig(text);
  if (parsed.ok) return [];
  return parsed.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`);
}

describe('parseSpendgateConfig', () => {
  it.each(['', '# nothing', 'global_budget:\ntimezone:\nreset_time:\n'])(
    'takes %j for the defaults',
    (text) => {
      expect(parseSpendgateConfig(text)).toEqual({ ok: true, settings: DEFAULT_SPENDGATE_SETTINGS });
    },
  );

  it('reads the global budget, the zone and the reset time', () => {
    const text =
      'global_budget: {max_budget: 1000, soft_budget: 800, budget_duration: 30d}\ntimezone: Europe/Berlin\nreset_time: "06:30"';
    expect(parseSpendgateConfig(text)).toMatchObject({
      ok: true,
      settings: {
        globalBudget: {
          category: null,
          maxNanoUsd: 1_000_000_000_000n,
          softNanoUsd: 800_000_000_000n,
          duration: '30d',
        },
        timezone: 'Europe/Berlin',
        resetTime: '06:30',
      },
    });
  });

  it('takes a global budget that never resets, warns nobody, and allows nothing', () => {
    expect(parseSpendgateConfig('global_budget: {max_budget: 0}')).toMatchObject({
      ok: true,
      settings: { globalBudget: { maxNanoUsd: 0n, softNanoUsd: null, duration: null } },
    });
  });

  it.each(['12:00', '720', '12:00:30'])('asks for quotes around a reset time of %s', (time) => {
    const problems = problemsOf(`timezone: UTC\nreset_time: ${time}`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^2 reset_time: must be in quotes, such as "12:00"/);
  });

  it.each([
    ['reset_time: "25:00"', '1 reset_time: Not a reset time such as "12:00" or "12:00:30": "25:00"'],
    ['timezone: Mars', '1 timezone: Not a time zone: "Mars"'],
    ['timezone: 5', '1 timezone: must be a text (numbers and switches need quotes)'],
    ['predefined_budgets: []', '1 predefined_budgets: is not a known key'],
    ['global_budget: 5', '1 global_budget: must be a mapping of a budget'],
    ['global_budget:\n  soft_budget: 1', '1 global_budget.max_budget: is missing'],
    ['global_budget:\n  max_budget: -1', '2 global_budget.max_budget: must not be negative'],
    [
      'global_budget:\n  max_budget: 1\n  soft_budget: 2',
      '3 global_budget.soft_budget: must not be more than max_budget',
    ],
    [
      'global_budget:\n  max_budget: 1\n  budget_duration: 0d',
      '3 global_budget.budget_duration: A duration of zero never lets a period run: "0d"',
    ],
    ['[]', '1 : must be a mapping'],
  ])('refuses %j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('names all problems at once', () => {
    expect(problemsOf('reset_time: 1:00\ntimezone: Mars\nother: 1\nglobal_budget: {}')).toHaveLength(4);
  });
});
