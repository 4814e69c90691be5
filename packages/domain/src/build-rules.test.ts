import { describe, expect, it } from 'vitest';
import { SETTINGS, budget, rules } from '../test/example-rules.ts';
import { buildRules, sameRules } from './build-rules.ts';

const NOW = new Date('2026-11-22T06:38:00Z');
const LATER = new Date('2026-11-25T06:38:00Z');

describe('buildRules', () => {
  it('takes budgets, defaults and one scheme per slot from the settings', () => {
    const built = buildRules({
      settings: { ...SETTINGS, timezone: 'Europe/Berlin', resetTime: '06:00' },
      previous: null,
      now: NOW,
    });
    expect(built.defaultBudgetIds).toEqual({
      platform: 'default',
      cli: 'codemie_cli',
      premium_models: 'codemie_premium_models',
    });
    expect(built.schemes).toMatchObject({
      platform: [{ from: null, scheme: { duration: '30d', timezone: 'Europe/Berlin', resetTime: '06:00' } }],
      cli: [{ from: null, scheme: { duration: '1d' } }],
      global: [{ from: null, scheme: { duration: null } }],
    });
  });

  it('changes nothing when the settings are the same', () => {
    const settings = { ...SETTINGS, globalBudget: budget({ category: null, duration: '14d' }) };
    const first = { version: 3, ...buildRules({ settings, previous: null, now: NOW }) };
    const again = buildRules({ settings: structuredClone(settings), previous: first, now: LATER });
    expect(sameRules(first, again)).toBe(true);
  });

  it('lets changed amounts hold at once and a changed duration from the next period', () => {
    const budgets = [budget({ budgetId: 'default', category: 'platform', maxNanoUsd: 1n, duration: '1d' })];
    const built = buildRules({
      settings: { ...SETTINGS, catalogue: { budgets } },
      previous: rules(),
      now: NOW,
    });
    expect(built.catalogue.budgets[0]?.maxNanoUsd).toBe(1n);
    expect(built.schemes.platform[1]).toMatchObject({
      from: new Date('2026-12-01T00:00:00Z'),
      scheme: { duration: '1d' },
    });
    expect(built.schemes.cli[1]).toMatchObject({
      from: new Date('2026-11-23T00:00:00Z'),
      scheme: { duration: null },
    });
  });
});

describe('sameRules', () => {
  it('ignores versions and the order of keys, and sees every other difference', () => {
    const a = rules();
    const { catalogue, ...rest } = a;
    const reordered = { catalogue, ...rest, version: 9 };
    expect(sameRules(a, reordered)).toBe(true);
    expect(sameRules(a, rules({ catalogue: { budgets: catalogue.budgets.toReversed() } }))).toBe(false);
    expect(sameRules(a, rules({ globalBudget: budget({ category: null }) }))).toBe(false);
    expect(sameRules(a, rules({ attribution: { ...a.attribution, premiumAliases: ['opus'] } }))).toBe(false);
    expect(sameRules(a, rules({ timezone: 'Europe/Berlin' }))).toBe(false);
  });
});
