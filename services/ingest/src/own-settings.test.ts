import { publishedRules } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import { contradictions } from './own-settings.ts';

const published = { ...publishedRules().attribution, premiumAliases: ['opus', 'o1'] };

describe('contradictions', () => {
  it('finds none where nothing is set', () => {
    const own = { premiumAliases: null, identitySuffix: null, cliUserAgents: null };
    expect(contradictions(own, published)).toEqual([]);
  });

  it('finds none where the same is set in another order and case', () => {
    const own = {
      premiumAliases: ['O1', ' opus '],
      identitySuffix: 'budget_id',
      cliUserAgents: null,
    } as const;
    expect(contradictions(own, published)).toEqual([]);
  });

  it('names every variable that says otherwise', () => {
    const own = { premiumAliases: [], identitySuffix: 'category', cliUserAgents: ['x'] } as const;
    expect(contradictions(own, published)).toEqual([
      'LITELLM_PREMIUM_MODELS_ALIASES',
      'CLI_USER_AGENTS',
      'IDENTITY_SUFFIX',
    ]);
  });
});
