import { describe, expect, it } from 'vitest';
import type { PublishedRules } from '@spendgate/domain';
import { createCheckRules } from './check-request-rules.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const later = (ms: number) => new Date(NOW.getTime() + ms);

function rules(version: number): PublishedRules {
  return {
    version,
    catalogue: { budgets: [] },
    defaultBudgetIds: { platform: null, cli: null, premium_models: null },
    globalBudget: null,
    schemes: { platform: [], cli: [], premium_models: [], global: [] },
    attribution: { premiumAliases: [], identitySuffix: 'budget_id', cliUserAgents: [], deployedModels: {} },
  };
}

function holding(...versions: readonly number[]) {
  const held = createCheckRules({ graceMs: 1_000 });
  for (const version of versions) held.adopt(rules(version));
  return held;
}

describe('the rules a checker holds', () => {
  it('prefers nothing before any rules were adopted', () => {
    const held = holding();
    expect(held.preferred()).toBeUndefined();
    expect(held.use({ stateVersion: 1, at: NOW })).toBeUndefined();
  });

  it('keeps to the old version until the counters carry the new one', () => {
    const held = holding(1);
    held.use({ stateVersion: 1, at: NOW });
    held.adopt(rules(2));
    expect(held.use({ stateVersion: 1, at: NOW })?.version).toBe(1);
    expect(held.preferred()?.version).toBe(1);
    expect(held.use({ stateVersion: 2, at: NOW })?.version).toBe(2);
    expect(held.preferred()?.version).toBe(2);
  });

  it('goes back to the version before for a bucket that lags', () => {
    const held = holding(1, 2);
    held.use({ stateVersion: 2, at: NOW });
    expect(held.use({ stateVersion: 1, at: NOW })?.version).toBe(1);
  });

  it('skips a version that was never held', () => {
    const held = holding(1, 4);
    expect(held.use({ stateVersion: 3, at: NOW })?.version).toBe(1);
    expect(held.use({ stateVersion: 4, at: NOW })?.version).toBe(4);
  });

  it('has no rules for counters older than all it holds', () => {
    const held = holding(5);
    expect(held.use({ stateVersion: 4, at: NOW })).toBeUndefined();
    expect(held.use({ stateVersion: 5, at: NOW })?.version).toBe(5);
  });

  it('answers by the rules held while the state is ahead for less than the grace, then no more', () => {
    const held = holding(1);
    expect(held.use({ stateVersion: 2, at: NOW })?.version).toBe(1);
    expect(held.use({ stateVersion: 2, at: later(1_000) })?.version).toBe(1);
    expect(held.use({ stateVersion: 2, at: later(1_001) })).toBeUndefined();
    held.adopt(rules(2));
    expect(held.use({ stateVersion: 2, at: later(1_002) })?.version).toBe(2);
    expect(held.use({ stateVersion: 3, at: later(5_000) })?.version).toBe(2);
  });

  it('replaces rules of the same version, as after the publisher lost its last ones', () => {
    const held = holding(1);
    const replaced = { ...rules(1), catalogue: { budgets: [] } };
    held.adopt(replaced);
    expect(held.preferred()).toBe(replaced);
    expect(held.use({ stateVersion: 1, at: NOW })).toBe(replaced);
  });

  it('takes the published version when it is lower than one held before', () => {
    const held = holding(9);
    held.use({ stateVersion: 9, at: NOW });
    held.adopt(rules(5));
    expect(held.use({ stateVersion: 5, at: NOW })?.version).toBe(5);
  });

  it('stays usable and bounded over very many publications', () => {
    const held = holding(1);
    held.use({ stateVersion: 1, at: NOW });
    for (let version = 2; version <= 200; version += 1) held.adopt(rules(version));
    expect(held.use({ stateVersion: 1, at: NOW })?.version).toBe(1);
    expect(held.use({ stateVersion: 200, at: NOW })?.version).toBe(200);
    expect(held.use({ stateVersion: 1, at: NOW })).toBeUndefined();
  });
});
