import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SETTINGS, budget, event, rules } from '../test/example-rules.ts';
import { attribute } from './attribution.ts';
import { buildRules } from './build-rules.ts';
import { chargesOfRecorded } from './call-charges.ts';
import type { RecordedCall } from './call-charges.ts';

const AT = new Date('2026-11-22T10:00:00Z');
const call: RecordedCall = {
  startedAt: AT,
  costNanoUsd: 5n,
  identity: 'john@company.com',
  category: 'platform',
  keyHash: null,
  teamId: null,
  userId: null,
  modelGroup: 'gpt-4o',
  model: null,
};

describe('chargesOfRecorded', () => {
  it('gives the charges an event was counted with, also by rules that would attribute it otherwise today', () => {
    const before = rules();
    // Other aliases, suffixes, budgets and durations; the schemes' history goes on from those before.
    const after = {
      version: 2,
      ...buildRules({
        settings: {
          ...SETTINGS,
          catalogue: { budgets: [budget({ category: 'platform', duration: '1h' })] },
          attribution: { ...SETTINGS.attribution, premiumAliases: ['gpt'], identitySuffix: 'category' },
        },
        previous: before,
        now: new Date('2026-11-22T12:00:00Z'),
      }),
    };
    fc.assert(
      fc.property(
        fc.constantFrom(null, 'john', 'john_codemie_cli', 'codemie:project:p:category:cli:user:7', ' '),
        fc.constantFrom('gpt-4o', 'claude-opus-4', '', null),
        fc.constantFrom(null, 'codemie-cli/1'),
        fc.record({
          keyHash: fc.constantFrom(null, 'abc', ' '),
          teamId: fc.constantFrom(null, 'red'),
          userId: fc.constantFrom(null, 'u1'),
        }),
        fc.bigInt({ min: 0n, max: 3n }),
        fc.integer({ min: 0, max: 4_000_000_000 }),
        (endUser, modelGroup, userAgent, other, costNanoUsd, agoMs) => {
          const startedAt = new Date(AT.getTime() - agoMs);
          const recorded = attribute(
            before,
            event({ ...other, endUser, modelGroup, model: 'm', userAgent, startedAt, costNanoUsd }),
          );
          const row = { ...recorded.event, identity: recorded.identity, category: recorded.category };
          expect(chargesOfRecorded(before, row)).toEqual(recorded.charges);
          expect(chargesOfRecorded(after, row)).toEqual(recorded.charges);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    ['the one of its category', 'premium_models', '1794787200000-1795392000000'],
    ['platform’s where the category is not known any more', 'gold', '1793491200000-1796083200000'],
    ['platform’s where the row names none', null, '1793491200000-1796083200000'],
  ])('counts an identity in %s', (_whose, category, period) => {
    expect(chargesOfRecorded(rules(), { ...call, category })[0]).toMatchObject({ period });
  });

  it('charges nothing for a call that costs nothing', () => {
    expect(chargesOfRecorded(rules(), { ...call, costNanoUsd: 0n })).toEqual([]);
  });
});
