import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budget, event, rules } from '../test/example-rules.ts';
import { attribute } from './attribution.ts';
import { subjectsToCheck } from './checked-subject.ts';
import type { CheckedSubject } from './checked-subject.ts';
import { cleanCustomer } from './customer.ts';
import type { AttributedEvent } from './spend-event.ts';

const AT = new Date('2026-11-22T10:00:00Z');
const MONTH = '1793491200000-1796083200000';
const WEEK = '1794787200000-1795392000000';
const DAY = '1795305600000-1795392000000';
const GLOBAL = budget({ budgetId: 'global', category: null, duration: '1d' });

function charged(of: AttributedEvent): readonly (readonly [string, string])[] {
  return of.charges.map(({ subject, period }) => [subject, period]);
}

function roles(checked: readonly CheckedSubject[]): readonly (readonly unknown[])[] {
  return checked.map((one) => [one.role, one.key, one.budget?.budgetId ?? null, one.periodId]);
}

describe('attribute', () => {
  it('charges the customer in its category’s period, and the whole proxy', () => {
    expect(charged(attribute(rules(), event()))).toEqual([
      ['customer:john@company.com', MONTH],
      ['global:proxy', 'none'],
    ]);
  });

  it('charges a premium call to the premium identity only', () => {
    const result = attribute(rules(), event({ modelGroup: 'claude-opus-4' }));
    expect(result).toMatchObject({ base: 'john@company.com', category: 'premium_models' });
    expect(charged(result)[0]).toEqual(['customer:john@company.com_codemie_premium_models', WEEK]);
    expect(charged(result)).toHaveLength(2);
  });

  it('charges a call of the command line client to the cli identity', () => {
    const result = attribute(rules(), event({ userAgent: 'CodeMie-CLI/0.14.1 node' }));
    expect(charged(result)[0]).toEqual(['customer:john@company.com_codemie_cli', DAY]);
  });

  it('charges key, key and model, team and internal user where present, in the period that never ends', () => {
    const result = attribute(rules(), event({ keyHash: 'abc', teamId: 'red', userId: 'u1', modelGroup: '' }));
    expect(charged(result).slice(2)).toEqual([
      ['key:abc', 'none'],
      ['key_model:abc/openai/gpt-4o-mini', 'none'],
      ['team:red', 'none'],
      ['user:u1', 'none'],
    ]);
  });

  it('charges the others where there is no customer', () => {
    const result = attribute(rules(), event({ endUser: null, keyHash: 'abc', modelGroup: null, model: ' ' }));
    expect(result).toMatchObject({ base: null, identity: null, category: null });
    expect(charged(result).map(([subject]) => subject)).toEqual(['global:proxy', 'key:abc']);
  });

  it('charges nothing for an event that costs nothing, and still says whose it is', () => {
    const result = attribute(rules(), event({ costNanoUsd: 0n }));
    expect(result).toMatchObject({ identity: 'john@company.com', charges: [] });
  });

  it('counts in the period that the call began in', () => {
    const late = event({ startedAt: new Date('2026-10-31T23:59:59Z') });
    expect(attribute(rules(), late).charges[0]?.periodEnd).toEqual(new Date('2026-11-01T00:00:00Z'));
  });

  it('counts project customers in the period that never ends', () => {
    const id = 'codemie:project:p:category:cli:user:7';
    expect(charged(attribute(rules(), event({ endUser: id })))[0]).toEqual([`customer:${id}`, 'none']);
  });

  it('counts everything in the period that never ends where the catalogue is empty', () => {
    const empty = rules({ catalogue: { budgets: [] } });
    const result = attribute(empty, event({ modelGroup: 'opus', userAgent: 'codemie-cli' }));
    expect(charged(result)).toEqual([
      ['customer:john@company.com', 'none'],
      ['global:proxy', 'none'],
    ]);
  });

  it('takes a model for premium by the names published as deployed behind it', () => {
    const { attribution } = rules();
    const deployed = rules({
      attribution: { ...attribution, deployedModels: { best: ['gpt-5', 'anthropic/claude-opus-4'] } },
    });
    expect(attribute(deployed, event({ modelGroup: 'best' })).category).toBe('premium_models');
    expect(attribute(deployed, event({ modelGroup: 'constructor' })).category).toBe('platform');
    expect(subjectsToCheck(deployed, { endUser: 'john', model: 'best' }, AT)).toHaveLength(2);
  });
});

describe('subjectsToCheck', () => {
  it('checks the customer, and the whole proxy after it if that has a budget', () => {
    expect(roles(subjectsToCheck(rules(), { endUser: 'john' }, AT))).toEqual([
      ['customer', 'customer:john', 'default', MONTH],
    ]);
    expect(roles(subjectsToCheck(rules({ globalBudget: GLOBAL }), { endUser: 'john' }, AT))).toEqual([
      ['customer', 'customer:john', 'default', MONTH],
      ['global', 'global:proxy', 'global', DAY],
    ]);
  });

  it.each(['john', 'john_codemie_cli', 'john_codemie_premium_models'])(
    'checks a premium call of %s on the base identity and the premium one',
    (endUser) => {
      const call = { endUser, model: 'claude-opus-4', channel: 'cli' } as const;
      expect(roles(subjectsToCheck(rules(), call, AT))).toEqual([
        ['customer', 'customer:john', 'default', MONTH],
        ['premium', 'customer:john_codemie_premium_models', 'codemie_premium_models', WEEK],
      ]);
    },
  );

  it.each([
    { endUser: 'john', channel: 'cli' } as const,
    { endUser: 'john', userAgent: 'codemie_cli 1' },
    { endUser: 'john_codemie_cli' },
  ])('checks a cli call on the cli identity only: %j', (call) => {
    expect(roles(subjectsToCheck(rules(), call, AT))).toEqual([
      ['customer', 'customer:john_codemie_cli', 'codemie_cli', DAY],
    ]);
  });

  it('looks no further into a user agent than an event keeps of it', () => {
    const call = { endUser: 'john', userAgent: `${'x'.repeat(512)} codemie-cli` };
    expect(subjectsToCheck(rules(), call, AT)[0]?.key).toBe('customer:john');
  });

  it('believes the channel that the caller names before the user agent', () => {
    const call = { endUser: 'john', channel: 'platform', userAgent: 'codemie-cli' } as const;
    expect(subjectsToCheck(rules(), call, AT)[0]?.key).toBe('customer:john');
  });

  it('names a customer without a budget, so that the answer can tell its spend', () => {
    const id = 'codemie:project:p:category:premium_models:user:7';
    expect(roles(subjectsToCheck(rules(), { endUser: id, model: 'opus' }, AT))).toEqual([
      ['customer', `customer:${id}`, null, 'none'],
    ]);
  });

  it('has nothing to check for nobody on a proxy without a budget', () => {
    expect(subjectsToCheck(rules(), { endUser: '-', model: 'opus' }, AT)).toEqual([]);
  });
});

describe('a check and its event', () => {
  const ids = fc
    .array(
      fc.constantFrom(
        'john',
        '@',
        '/',
        '_codemie_cli',
        '_codemie_premium_models',
        '-',
        'é',
        'codemie:project:p:category:cli:user:',
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((parts) => parts.join(''));
  const catalogues = [
    rules(),
    rules({ globalBudget: GLOBAL }),
    rules({ catalogue: { budgets: [] } }),
    rules({
      catalogue: {
        budgets: [budget({ category: 'premium_models' }), budget({ category: 'cli', budgetId: 'x' })],
      },
    }),
  ];

  it('mean the same customer in the same period, and a premium charge never lands on the base', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...catalogues),
        ids,
        fc.constantFrom('gpt-4o', 'claude-opus-4', 'o1-mini', ''),
        fc.constantFrom(null, 'curl/8', 'codemie-cli/1'),
        fc.integer({ min: 0, max: 10_000_000_000 }),
        (published, endUser, model, userAgent, afterMs) => {
          const startedAt = new Date(AT.getTime() + afterMs);
          const checked = subjectsToCheck(published, { endUser, model, userAgent }, startedAt);
          const result = attribute(
            published,
            event({ endUser, modelGroup: model, model: null, userAgent, startedAt }),
          );
          const customer = result.charges.find(({ subject }) => subject.startsWith('customer:'));
          const pairs = checked.map(({ key, periodId }) => `${key} in ${periodId}`);
          if (customer !== undefined) expect(pairs).toContain(`${customer.subject} in ${customer.period}`);
          expect(customer === undefined).toBe(cleanCustomer(endUser) === null);
          if (published.globalBudget !== null) expect(checked.at(-1)?.key).toBe('global:proxy');
          const premium = checked.find(({ role }) => role === 'premium');
          if (premium !== undefined) expect(customer?.subject).toBe(premium.key);
          if (premium !== undefined) expect(premium.subject.id).not.toBe(result.base);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
