import { InvalidRules, buildRules, sameRules, usdToNano } from '@spendgate/domain';
import type { Budget, PublishedRules } from '@spendgate/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_CATALOGUE } from './budgets-config.ts';
import { decodeRules, encodeRules } from './rules-text.ts';

const NOW = new Date('2026-11-22T06:38:00.123Z');

function rules(
  of: {
    readonly maxNanoUsd?: bigint;
    readonly names?: readonly string[];
    readonly duration?: string | null;
  } = {},
): PublishedRules {
  const [first] = BUILT_IN_CATALOGUE.budgets;
  if (first === undefined) throw new Error('the built-in catalogue has a budget');
  const globalBudget: Budget = {
    ...first,
    category: null,
    maxNanoUsd: of.maxNanoUsd ?? null,
    duration: of.duration ?? null,
  };
  const settings = {
    catalogue: BUILT_IN_CATALOGUE,
    globalBudget,
    timezone: 'Europe/Berlin',
    resetTime: null,
    defaultPlatformBudgetId: null,
    attribution: {
      premiumAliases: of.names ?? [],
      identitySuffix: 'budget_id' as const,
      cliUserAgents: [],
      deployedModels: Object.fromEntries((of.names ?? []).map((name) => [name, [name]])),
    },
  };
  return { version: 7, ...buildRules({ settings, previous: null, now: NOW }) };
}

describe('published rules as text', () => {
  it('are read back as they were written', () => {
    const anything = fc.record({
      maxNanoUsd: fc.bigInt({ min: 0n, max: 10n ** 20n }),
      names: fc.array(fc.string().filter((name) => name !== '__proto__')),
      duration: fc.constantFrom(null, '30d', '14d', '5h', '5mo'),
    });
    fc.assert(
      fc.property(anything, (of) => {
        const before = rules(of);
        const after = decodeRules(encodeRules(before));
        expect(after).toEqual(before);
        expect(sameRules(after, before)).toBe(true);
      }),
    );
  });

  it('keep amounts that a double cannot hold', () => {
    const maxNanoUsd = usdToNano('10000000.000000001');
    expect(decodeRules(encodeRules(rules({ maxNanoUsd }))).globalBudget?.maxNanoUsd).toBe(maxNanoUsd);
  });

  it.each([
    ['', /no JSON/],
    ['null', /cannot be read/],
    [encodeRules(rules()).replace('"format":1', '"format":2'), /format/],
    [encodeRules(rules()).replace('"version":7', '"version":"7"'), /version/],
    [encodeRules(rules()).replace('"from":null', '"from":"2026-11-22T06:38:00.123Z"'), /since ever/],
    [encodeRules(rules()).replace('"attribution":', '"attributions":'), /attributions/],
  ])('refuse %#', (text, message) => {
    expect(() => decodeRules(text)).toThrow(InvalidRules);
    expect(() => decodeRules(text)).toThrow(message);
  });
});
