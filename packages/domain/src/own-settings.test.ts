import { expect, it } from 'vitest';
import { differingSettings } from './own-settings.ts';

const PUBLISHED = {
  premiumAliases: ['opus', 'gpt-5'],
  identitySuffix: 'budget_id',
  cliUserAgents: ['codemie-cli'],
  deployedModels: {},
} as const;
const NONE = { premiumAliases: null, identitySuffix: null, cliUserAgents: null };

it('finds nothing where the service was given no settings of its own', () => {
  expect(differingSettings(NONE, PUBLISHED)).toEqual([]);
});

it('takes the same names in another order and case as equal', () => {
  expect(differingSettings({ ...NONE, premiumAliases: ['GPT-5', ' opus'] }, PUBLISHED)).toEqual([]);
  const own = { ...NONE, premiumAliases: ['GPT-5', ' opus '], identitySuffix: 'budget_id' } as const;
  expect(differingSettings(own, PUBLISHED)).toEqual([]);
});

it.each([
  { premiumAliases: ['opus'], identitySuffix: 'category', cliUserAgents: [] },
  { premiumAliases: [], identitySuffix: 'category', cliUserAgents: ['x'] },
] as const)('names each variable that differs', (own) => {
  expect(differingSettings(own, PUBLISHED)).toEqual([
    'LITELLM_PREMIUM_MODELS_ALIASES',
    'IDENTITY_SUFFIX',
    'CLI_USER_AGENTS',
  ]);
});
