import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SETTINGS, budget } from '../test/example-rules.ts';
import type { Catalogue } from './budget.ts';
import { cleanCustomer } from './customer.ts';
import { defaultBudgetIds, resolveIdentity } from './identity.ts';
import { isPremiumModel } from './premium.ts';

const { catalogue } = SETTINGS;
const premiumAliases = ['opus', 'o1'];
const SHORT: Catalogue = {
  budgets: [
    budget({ budgetId: 'default', category: 'platform' }),
    budget({ budgetId: 'cli', category: 'cli' }),
    budget({ budgetId: 'models', category: 'premium_models' }),
  ],
};
const PLATFORM_ONLY: Catalogue = { budgets: [budget({ budgetId: 'default', category: 'platform' })] };
const EMPTY: Catalogue = { budgets: [] };
const NOBODY = [null, undefined, '', '  ', '-', ' - '];

function resolve(
  endUser: string,
  model: string | null,
  of: { channel?: 'platform' | 'cli'; in?: Catalogue } = {},
) {
  const found = resolveIdentity({
    endUser,
    modelNames: [model],
    channel: of.channel,
    catalogue: of.in ?? catalogue,
    premiumAliases,
  });
  return found === null ? null : [found.base, found.identity, found.category, found.budgetId];
}

describe('cleanCustomer', () => {
  it.each(NOBODY)('takes %j for nobody', (text) => {
    expect(cleanCustomer(text)).toBeNull();
  });

  it.each(['john@company.com', 'a/b:c', ' john ', '--', 'Zoë 🦊'])('leaves %j as it is', (text) => {
    expect(cleanCustomer(text)).toBe(text);
  });
});

describe('isPremiumModel', () => {
  it.each([
    [['opus'], ['claude-OPUS-4'], true],
    [['OPUS'], ['claude-opus-4'], true],
    [[' o1 '], ['o1-mini'], true],
    [['opus'], ['gpt-4o', 'anthropic/claude-opus-4'], false],
    [['opus'], ['', 'anthropic/claude-opus-4'], true],
    [['opus'], [null, undefined, '  ', 'opus'], true],
    [['', '  '], ['opus'], false],
    [[], ['opus'], false],
    [['opus'], [], false],
    [['opus'], [null], false],
  ])('with aliases %j and names %j says %s', (aliases, names, premium) => {
    expect(isPremiumModel(aliases, names)).toBe(premium);
  });
});

describe('resolveIdentity', () => {
  it.each(NOBODY)('finds nobody for %j', (endUser) => {
    expect(resolveIdentity({ endUser, modelNames: ['opus'], catalogue, premiumAliases })).toBeNull();
  });

  it.each([
    ['john', 'gpt', ['john', 'john', 'platform', 'default']],
    ['john', 'opus', ['john', 'john_codemie_premium_models', 'premium_models', 'codemie_premium_models']],
    ['john_codemie_cli', 'gpt', ['john', 'john_codemie_cli', 'cli', 'codemie_cli']],
    [
      'john_codemie_cli',
      'opus',
      ['john', 'john_codemie_premium_models', 'premium_models', 'codemie_premium_models'],
    ],
    [
      'john_codemie_premium_models',
      'gpt',
      ['john', 'john_codemie_premium_models', 'premium_models', 'codemie_premium_models'],
    ],
    [
      'john_codemie_premium_models',
      null,
      ['john', 'john_codemie_premium_models', 'premium_models', 'codemie_premium_models'],
    ],
    ['_codemie_cli', 'gpt', ['_codemie_cli', '_codemie_cli', 'platform', 'default']],
    ['-_codemie_cli', 'gpt', ['-_codemie_cli', '-_codemie_cli', 'platform', 'default']],
    [
      'john_codemie_cli_codemie_cli',
      'gpt',
      ['john_codemie_cli', 'john_codemie_cli_codemie_cli', 'cli', 'codemie_cli'],
    ],
    ['john_default', 'gpt', ['john_default', 'john_default', 'platform', 'default']],
  ])('charges %j with model %j to %j', (endUser, model, expected) => {
    expect(resolve(endUser, model)).toEqual(expected);
  });

  it('charges a cli call to the cli identity, where a cli budget exists', () => {
    expect(resolve('john', 'gpt', { channel: 'cli' })).toEqual([
      'john',
      'john_codemie_cli',
      'cli',
      'codemie_cli',
    ]);
    expect(resolve('john', 'gpt', { channel: 'cli', in: PLATFORM_ONLY })).toEqual([
      'john',
      'john',
      'platform',
      'default',
    ]);
  });

  it('lets premium win over cli, where a premium budget exists', () => {
    expect(resolve('john', 'opus', { channel: 'cli' })?.[2]).toBe('premium_models');
    expect(resolve('john', 'opus', { in: PLATFORM_ONLY })).toEqual(['john', 'john', 'platform', 'default']);
  });

  it('lets a derived id win over the channel', () => {
    expect(resolve('john_codemie_cli', 'gpt', { channel: 'platform' })?.[2]).toBe('cli');
    expect(resolve('john_codemie_premium_models', 'gpt', { channel: 'cli' })?.[2]).toBe('premium_models');
  });

  it('reads CodeMie’s suffixes and the budgets’ own, the longest first, and writes one for both', () => {
    expect(resolve('john_codemie_cli', 'gpt', { in: SHORT })).toEqual(['john', 'john_cli', 'cli', 'cli']);
    expect(resolve('john_cli', 'gpt', { in: SHORT })).toEqual(['john', 'john_cli', 'cli', 'cli']);
    expect(resolve('john_codemie_premium_models', 'gpt', { in: SHORT })).toEqual([
      'john',
      'john_models',
      'premium_models',
      'models',
    ]);
  });

  it('keeps a derived id of a category without a budget, with no limit', () => {
    expect(resolve('john_codemie_cli', 'opus', { in: EMPTY })).toEqual([
      'john',
      'john_codemie_cli',
      'cli',
      null,
    ]);
    expect(resolve('john', 'opus', { in: EMPTY })).toEqual(['john', 'john', 'platform', null]);
  });

  it('writes CodeMie’s suffix where the category is asked for', () => {
    const found = resolveIdentity({
      endUser: 'john',
      modelNames: ['opus'],
      catalogue: SHORT,
      premiumAliases,
      identitySuffix: 'category',
    });
    expect(found).toEqual({
      base: 'john',
      identity: 'john_codemie_premium_models',
      category: 'premium_models',
      budgetId: 'models',
    });
  });

  it('writes the other suffix where the first would be read as another customer', () => {
    expect(resolve('john_codemie', 'gpt', { channel: 'cli', in: SHORT })).toEqual([
      'john_codemie',
      'john_codemie_codemie_cli',
      'cli',
      'cli',
    ]);
  });

  it.each([
    ['codemie:project:p:category:cli:user:7', 'cli'],
    ['codemie:project:a:b:category:premium_models:user:x_codemie_cli', 'premium_models'],
    ['codemie:project:p:category:platform:user:7', 'platform'],
    ['codemie:project:p:category:gold:user:7', 'platform'],
    ['codemie:project:p:category:cli:user:', 'cli'],
  ])('takes the project customer %j whole, without a budget', (id, category) => {
    expect(resolve(id, 'opus', { channel: 'cli' })).toEqual([id, id, category, null]);
  });

  it('takes no other id for a project customer', () => {
    expect(resolve('codemie:project:p:category:cli', 'gpt')?.[3]).toBe('default');
  });

  const parts = fc.constantFrom(
    'john',
    '_',
    '-',
    ' ',
    '@',
    '/',
    ':',
    'é🦊',
    'codemie',
    '_cli',
    '_models',
    '_codemie_cli',
    '_codemie_premium_models',
    'codemie:project:',
    ':category:',
    'cli',
    ':user:',
    '_a_codemie_cli',
  );
  const ids = fc.oneof(
    fc.array(parts, { minLength: 1, maxLength: 6 }).map((all) => all.join('')),
    fc.string({ unit: 'binary' }),
  );
  const catalogues = fc.constantFrom(catalogue, SHORT, PLATFORM_ONLY, EMPTY, {
    budgets: [
      budget({ budgetId: 'a_codemie_cli', category: 'premium_models' }),
      budget({ budgetId: 'b', category: 'cli' }),
    ],
  });

  it('finds the same base, identity and category again for an identity it found, whatever the id holds', () => {
    fc.assert(
      fc.property(
        ids,
        catalogues,
        fc.constantFrom('gpt', 'opus'),
        fc.constantFrom('platform' as const, 'cli' as const),
        fc.constantFrom('budget_id' as const, 'category' as const),
        (endUser, all, model, channel, identitySuffix) => {
          const common = { modelNames: [model], channel, catalogue: all, premiumAliases, identitySuffix };
          const first = resolveIdentity({ endUser, ...common });
          if (first === null) return;
          expect(resolveIdentity({ endUser: first.identity, ...common })).toEqual(first);
          expect(first.identity.startsWith(first.base)).toBe(true);
          expect(cleanCustomer(first.base)).not.toBeNull();
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('defaultBudgetIds', () => {
  const two: Catalogue = {
    budgets: [...PLATFORM_ONLY.budgets, budget({ budgetId: 'other', category: 'platform' })],
  };
  it.each([
    [null, 'default'],
    ['other', 'other'],
    ['unknown', 'default'],
  ])('with %j named gives platform %j', (named, platform) => {
    expect(defaultBudgetIds(two, named)).toEqual({ platform, cli: null, premium_models: null });
  });
});
