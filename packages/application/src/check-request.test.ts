import { describe, expect, it } from 'vitest';
import { InvariantBroken, Overloaded, SpendStoreUnavailable, usdToNano } from '@spendgate/domain';
import type { Budget, BudgetCategory, CheckedCall, PublishedRules } from '@spendgate/domain';
import { createCheckRules } from './check-request-rules.ts';
import { checkRequest } from './check-request.ts';
import type { CheckPolicy, CheckPorts } from './check-request.ts';
import type { CopyHealth, SpendReader } from './counter-copy-port.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const BASE = 'customer:john@company.com';
const PREMIUM = 'customer:john@company.com_codemie_premium_models';
const GLOBAL = 'global:proxy';
const CALL: CheckedCall = { endUser: 'john@company.com', model: 'gpt-4o-mini' };
const PREMIUM_CALL: CheckedCall = { endUser: 'john@company.com', model: 'claude-opus-4' };

function budget(
  of: Pick<Budget, 'budgetId' | 'category'> & { readonly max: string; readonly soft?: string },
): Budget {
  return {
    budgetId: of.budgetId,
    name: of.budgetId,
    description: null,
    category: of.category,
    softNanoUsd: of.soft === undefined ? null : usdToNano(of.soft),
    maxNanoUsd: usdToNano(of.max),
    duration: null,
    tpmLimit: null,
    rpmLimit: null,
    maxParallelRequests: null,
  };
}

function rules(overrides: Partial<PublishedRules> = {}): PublishedRules {
  const sinceEver = [{ from: null, scheme: { duration: null } }];
  return {
    version: 1,
    catalogue: {
      budgets: [
        budget({ budgetId: 'default', category: 'platform', max: '100', soft: '50' }),
        budget({ budgetId: 'codemie_cli', category: 'cli', max: '20' }),
        budget({ budgetId: 'codemie_premium_models', category: 'premium_models', max: '10' }),
      ],
    },
    defaultBudgetIds: {
      platform: 'default',
      cli: 'codemie_cli',
      premium_models: 'codemie_premium_models',
    },
    globalBudget: budget({ budgetId: 'global', category: null, max: '1000' }),
    schemes: { platform: sinceEver, cli: sinceEver, premium_models: sinceEver, global: sinceEver },
    attribution: {
      premiumAliases: ['opus'],
      identitySuffix: 'budget_id',
      cliUserAgents: ['codemie-cli'],
      deployedModels: {},
    },
    ...overrides,
  };
}

const POLICY: CheckPolicy = {
  enforced: true,
  timeoutMs: 50,
  fail: { mode: 'open', byCategory: {} },
  missingEndUser: 'allow',
  maxNewCustomersPerKeyPerHour: 0,
};

interface World {
  readonly spent?: Readonly<Record<string, string>>;
  readonly health?: CopyHealth;
  readonly stateVersion?: number;
  readonly rules?: readonly PublishedRules[];
  readonly policy?: Partial<CheckPolicy>;
  readonly failure?: unknown;
  readonly admit?: CheckPorts['newCustomers']['admit'];
}

/** Ports over plain objects; `trips` counts the round trips to the store. */
function portsOf(world: World) {
  const trips = { reads: 0, admissions: 0 };
  const held = createCheckRules({ graceMs: 1_000 });
  for (const version of world.rules ?? [rules()]) held.adopt(version);
  const spend: SpendReader = {
    async read({ subjects }) {
      trips.reads += 1;
      if (world.failure !== undefined) throw world.failure;
      const spentNanoUsd = subjects.map(({ subject }) => {
        const spent = world.spent?.[subject];
        return spent === undefined ? null : usdToNano(spent);
      });
      return { health: world.health ?? 'whole', rulesVersion: world.stateVersion ?? 1, spentNanoUsd };
    },
  };
  const ports: CheckPorts = {
    rules: held,
    spend,
    newCustomers: {
      async admit(of) {
        trips.admissions += 1;
        return (await world.admit?.(of)) ?? true;
      },
    },
    policy: { ...POLICY, ...world.policy },
    now: () => NOW,
  };
  return { ports, trips };
}

async function check(world: World, call: CheckedCall = CALL) {
  const { ports, trips } = portsOf(world);
  const result = await checkRequest(ports, call);
  return { ...result, reason: result.denial?.reason ?? null, trips };
}

describe('a check on whole counters', () => {
  it('allows a customer nobody has seen, with the default budget and nothing spent', async () => {
    const result = await check({});
    expect(result).toMatchObject({ denial: null, degradedBy: null, newCustomer: true });
    expect(result).toMatchObject({ identity: 'john@company.com', category: 'platform' });
    expect(result.findings.map((finding) => [finding.subject.key, finding.spentNanoUsd])).toEqual([
      [BASE, 0n],
      [GLOBAL, 0n],
    ]);
    expect(result.findings[0]?.subject.budget?.budgetId).toBe('default');
  });

  it.each([
    ['99.999999999', null, 'soft_exceeded'],
    ['100', 'budget_exceeded', 'exceeded'],
    ['100.000000001', 'budget_exceeded', 'exceeded'],
  ])('after %s of 100 dollars answers %s', async (spent, reason, state) => {
    const result = await check({ spent: { [BASE]: spent } });
    expect(result.reason).toBe(reason);
    expect(result.findings[0]?.state).toBe(state);
  });

  it('words a denial as LiteLLM does', async () => {
    const result = await check({ spent: { [BASE]: '100.25' } });
    expect(result.denial?.message).toBe(
      'ExceededBudget: End User=john@company.com over budget. Spend=100.25, Budget=100',
    );
  });

  it('denies a premium model on the premium identity while the base one passes', async () => {
    const spent = { [PREMIUM]: '10' };
    const premium = await check({ spent }, PREMIUM_CALL);
    expect(premium).toMatchObject({ reason: 'budget_exceeded', category: 'premium_models' });
    expect(premium.identity).toBe('john@company.com_codemie_premium_models');
    expect(premium.findings.map((finding) => finding.subject.key)).toEqual([BASE, PREMIUM, GLOBAL]);
    expect((await check({ spent })).reason).toBeNull();
  });

  it('denies a premium model when the base budget is used up', async () => {
    expect((await check({ spent: { [BASE]: '100' } }, PREMIUM_CALL)).reason).toBe('budget_exceeded');
  });

  it('denies everyone once the whole proxy is over its budget', async () => {
    const result = await check({ spent: { [GLOBAL]: '1000' } });
    expect(result.denial?.message).toBe('Proxy budget exceeded. Max budget: $1000.00');
  });

  it('checks calls of the command line client on its identity only', async () => {
    const result = await check({ spent: { [BASE]: '100' } }, { ...CALL, userAgent: 'codemie-cli/1.2' });
    expect(result).toMatchObject({ reason: null, category: 'cli', identity: 'john@company.com_codemie_cli' });
  });

  it('makes one round trip', async () => {
    expect((await check({}, PREMIUM_CALL)).trips).toEqual({ reads: 1, admissions: 0 });
  });
});

describe('a check that is switched off', () => {
  it.each<[string, World, CheckedCall]>([
    ['a spent budget', { spent: { [BASE]: '100' } }, CALL],
    ['a missing customer', { policy: { missingEndUser: 'deny' } }, { model: 'gpt-4o-mini' }],
    [
      'a store that is away',
      { failure: new SpendStoreUnavailable('gone'), policy: { fail: { mode: 'closed', byCategory: {} } } },
      CALL,
    ],
    ['new customers', { policy: { maxNewCustomersPerKeyPerHour: 1 }, admit: async () => false }, CALL],
  ])('allows in spite of %s and says that nothing is enforced', async (_what, world, call) => {
    const result = await check({ ...world, policy: { ...world.policy, enforced: false } }, call);
    expect(result).toMatchObject({ denial: null, enforced: false, trips: { admissions: 0 } });
  });

  it('still shows the spend', async () => {
    const result = await check({ spent: { [BASE]: '100' }, policy: { enforced: false } });
    expect(result.findings[0]).toMatchObject({ spentNanoUsd: usdToNano('100'), state: 'exceeded' });
  });
});

describe('a check without known spend', () => {
  const closedFor = (category: BudgetCategory): Partial<CheckPolicy> => ({
    fail: { mode: 'open', byCategory: { [category]: 'closed' } },
  });

  it.each<[string, World]>([
    ['unavailable', { failure: new SpendStoreUnavailable('gone') }],
    ['overloaded', { failure: new Overloaded('full') }],
    ['absent', { health: 'absent' }],
    ['stale', { health: 'stale' }],
    ['rules', { stateVersion: 0 }],
  ])('follows the fail policy and names the cause: %s', async (degradedBy, world) => {
    const open = await check({ ...world, spent: { [BASE]: '100' } });
    expect(open).toMatchObject({ denial: null, degradedBy, identity: 'john@company.com' });
    expect(
      open.findings.map((finding) => [finding.subject.key, finding.spentNanoUsd, finding.state]),
    ).toEqual([
      [BASE, null, null],
      [GLOBAL, null, null],
    ]);
    const closed = await check({ ...world, policy: closedFor('platform') });
    expect(closed).toMatchObject({ reason: 'enforcement_unavailable', degradedBy });
  });

  it('asks the policy of the category that would be charged', async () => {
    const world = { health: 'absent', policy: closedFor('premium_models') } as const;
    expect((await check(world, PREMIUM_CALL)).reason).toBe('enforcement_unavailable');
    expect((await check(world, CALL)).reason).toBeNull();
  });

  it('does not count anyone as new', async () => {
    expect((await check({ health: 'absent' })).newCustomer).toBe(false);
  });

  it('answers without a round trip when no rules are held', async () => {
    const result = await check({ rules: [] });
    expect(result).toMatchObject({ degradedBy: 'rules', identity: null, findings: [], trips: { reads: 0 } });
  });

  it('does not hide our own mistakes', async () => {
    await expect(check({ failure: new InvariantBroken('a bug') })).rejects.toThrow('a bug');
  });
});

describe('a check while rules change', () => {
  const tighter = rules({
    version: 2,
    catalogue: { budgets: [budget({ budgetId: 'default', category: 'platform', max: '5' })] },
  });
  const spent = { [BASE]: '50' };

  it('decides by the old rules until the counters carry the new version', async () => {
    const result = await check({ rules: [rules(), tighter], stateVersion: 1, spent });
    expect(result).toMatchObject({ reason: null, trips: { reads: 1 } });
  });

  it('reads again by the new rules at the first check that sees their version, and once after that', async () => {
    const { ports, trips } = portsOf({ rules: [rules(), tighter], stateVersion: 2, spent });
    expect((await checkRequest(ports, CALL)).denial?.reason).toBe('budget_exceeded');
    expect(trips.reads).toBe(2);
    expect((await checkRequest(ports, CALL)).denial?.reason).toBe('budget_exceeded');
    expect(trips.reads).toBe(3);
  });
});

describe('a call without a customer', () => {
  it.each([[undefined], [null], ['-']])('is checked on the whole proxy when allowed: %j', async (endUser) => {
    const result = await check({}, { endUser, model: 'gpt-4o-mini' });
    expect(result).toMatchObject({ denial: null, identity: null, category: null, missingEndUser: true });
    expect(result.newCustomer).toBe(false);
    expect(result.findings.map((finding) => finding.subject.key)).toEqual([GLOBAL]);
  });

  it('needs no round trip where the whole proxy has no budget', async () => {
    const result = await check({ rules: [rules({ globalBudget: null })], health: 'absent' }, {});
    expect(result).toMatchObject({ denial: null, degradedBy: null, findings: [], trips: { reads: 0 } });
  });

  it('is denied when customers are required, also when the spend is not known', async () => {
    const policy = { missingEndUser: 'deny' } as const;
    expect((await check({ policy }, {})).reason).toBe('missing_end_user');
    expect(await check({ policy, health: 'stale' }, {})).toMatchObject({
      reason: 'missing_end_user',
      degradedBy: 'stale',
    });
  });
});

describe('the bound on new customers', () => {
  const policy = { maxNewCustomersPerKeyPerHour: 3 };

  it('asks the gate only for customers without spend, by key and base identity', async () => {
    const asked: unknown[] = [];
    const admit: World['admit'] = async (of) => {
      asked.push(of);
      return true;
    };
    await check({ policy, admit, spent: { [BASE]: '0.01' } });
    await check({ policy, admit, spent: { [BASE]: '0.01' } }, PREMIUM_CALL);
    expect(asked).toEqual([]);
    await check({ policy, admit }, { ...PREMIUM_CALL, key: 'abc' });
    expect(asked).toEqual([{ key: 'abc', customer: 'john@company.com', limit: 3, at: NOW, timeoutMs: 50 }]);
  });

  it('denies a new customer beyond it', async () => {
    const result = await check({ policy, admit: async () => false });
    expect(result).toMatchObject({ reason: 'new_customer_limit', degradedBy: null });
  });

  it('follows the fail policy when the gate does not answer', async () => {
    const admit: World['admit'] = async () => Promise.reject(new SpendStoreUnavailable('gone'));
    expect(await check({ policy, admit })).toMatchObject({ reason: null, degradedBy: 'unavailable' });
  });
});
