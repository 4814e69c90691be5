import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budget, rules } from '../test/example-rules.ts';
import { subjectsToCheck } from './checked-subject.ts';
import type { CheckedSubject } from './checked-subject.ts';
import { decide, failDecision } from './decision.ts';
import { usdToNano } from './money.ts';

const AT = new Date('2026-11-22T10:00:00Z');
const GLOBAL = budget({
  budgetId: 'global',
  category: null,
  softNanoUsd: null,
  maxNanoUsd: usdToNano(1_000),
});

/** The subjects of a premium call: base (100), premium (20), the whole proxy (1000). */
function premiumCall(endUser = 'john'): readonly CheckedSubject[] {
  const catalogue = {
    budgets: [
      budget({ budgetId: 'default', category: 'platform' }),
      budget({
        budgetId: 'premium',
        category: 'premium_models',
        softNanoUsd: null,
        maxNanoUsd: usdToNano(20),
      }),
    ],
  };
  return subjectsToCheck(rules({ catalogue, globalBudget: GLOBAL }), { endUser, model: 'opus' }, AT);
}

function decideSpend(spentUsd: readonly (number | string)[], subjects = premiumCall()) {
  return decide(
    subjects.map((subject, index) => ({ subject, spentNanoUsd: usdToNano(spentUsd[index] ?? 0) })),
  );
}

function withMax(maxNanoUsd: bigint | null, softNanoUsd: bigint | null = null): CheckedSubject {
  const [first] = subjectsToCheck(rules(), { endUser: 'john' }, AT);
  if (first === undefined) throw new Error('a customer is always checked');
  return { ...first, budget: budget({ category: 'platform', maxNanoUsd, softNanoUsd }) };
}

describe('decide', () => {
  it('allows while every spend is below its maximum, and says what remains', () => {
    const decision = decideSpend([99.999999999, 19, 999]);
    expect(decision.outcome).toBe('allow');
    expect(decision.findings.map(({ remainingNanoUsd, state }) => [remainingNanoUsd, state])).toEqual([
      [1n, 'soft_exceeded'],
      [1_000_000_000n, 'ok'],
      [1_000_000_000n, 'ok'],
    ]);
  });

  it('denies a spend equal to the maximum', () => {
    expect(decideSpend([100])).toMatchObject({
      outcome: 'deny',
      reason: 'budget_exceeded',
      denied: { remainingNanoUsd: 0n },
      message: 'ExceededBudget: End User=john over budget. Spend=100, Budget=100',
    });
  });

  it('denies the premium identity while the base one still passes', () => {
    expect(decideSpend([0, '20.0000135'])).toMatchObject({
      denied: { subject: { role: 'premium' } },
      message: 'ExceededBudget: End User=john_premium over budget. Spend=20.0000135, Budget=20',
    });
  });

  it('denies by the first exceeded subject in order, and tells all that are', () => {
    const decision = decideSpend([100, 20, 1_000]);
    expect(decision).toMatchObject({ denied: { subject: { role: 'customer' } } });
    expect(decision.findings.map(({ state }) => state)).toEqual(['exceeded', 'exceeded', 'exceeded']);
  });

  it('says the maximum of the whole proxy in dollars and cents, never rounded', () => {
    expect(decideSpend([0, 0, 1_000])).toMatchObject({
      message: 'Proxy budget exceeded. Max budget: $1000.00',
    });
    const [global] = premiumCall().slice(-1);
    if (global === undefined) throw new Error('the proxy has a budget here');
    const small = { ...global, budget: budget({ category: null, maxNanoUsd: usdToNano('0.0015') }) };
    expect(decideSpend([1], [small])).toMatchObject({
      message: 'Proxy budget exceeded. Max budget: $0.0015',
    });
  });

  it.each([
    [null, null, 10n ** 20n, 'ok', null],
    [null, 5n, 5n, 'soft_exceeded', null],
    [0n, null, 0n, 'exceeded', 0n],
    [10n, 5n, 4n, 'ok', 6n],
    [10n, 5n, 5n, 'soft_exceeded', 5n],
    [10n, 5n, 11n, 'exceeded', 0n],
    [10n, null, -5n, 'ok', 15n],
  ])('with maximum %s and soft %s calls a spend of %s %s', (max, soft, spentNanoUsd, state, remaining) => {
    const [finding] = decide([{ subject: withMax(max, soft), spentNanoUsd }]).findings;
    expect([finding?.state, finding?.remainingNanoUsd]).toEqual([state, remaining]);
  });

  it('never limits a subject without a budget, and allows when nothing is checked', () => {
    const subject = { ...withMax(0n), budget: null };
    expect(decide([{ subject, spentNanoUsd: 10n ** 20n }]).outcome).toBe('allow');
    expect(decide([])).toEqual({ outcome: 'allow', findings: [] });
  });

  it('writes no two closing braces side by side, for clients find the end of an error by them', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('}', '{', 'a', '"'), { minLength: 1 }), (parts) => {
        const decision = decideSpend([100], premiumCall(parts.join('')));
        expect(decision.outcome === 'deny' && decision.message.includes('}}')).toBe(false);
      }),
    );
  });

  it('denies exactly when some spend has reached its maximum', () => {
    const amount = fc.bigInt({ min: 0n, max: 10n });
    const one = fc.record({ max: fc.option(amount), spent: amount });
    fc.assert(
      fc.property(fc.array(one), (all) => {
        const decision = decide(
          all.map(({ max, spent }) => ({ subject: withMax(max), spentNanoUsd: spent })),
        );
        expect(decision.outcome === 'deny').toBe(all.some(({ max, spent }) => max !== null && spent >= max));
      }),
    );
  });
});

describe('failDecision', () => {
  it.each([
    ['open', {}, 'platform', 'allow'],
    ['closed', {}, 'platform', 'deny'],
    ['open', { premium_models: 'closed' }, 'premium_models', 'deny'],
    ['open', { premium_models: 'closed' }, 'cli', 'allow'],
    ['closed', { cli: 'open' }, 'cli', 'allow'],
    ['closed', { cli: 'open' }, null, 'deny'],
  ] as const)('with mode %s and %j decides %s as %s', (mode, byCategory, category, outcome) => {
    const decision = failDecision({ mode, byCategory }, category);
    expect(decision.outcome).toBe(outcome);
    if (decision.outcome === 'deny') expect(decision.reason).toBe('enforcement_unavailable');
  });
});
