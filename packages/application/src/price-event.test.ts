import { publishedRules } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import type { Adjustment } from './ledger-port.ts';
import { priceEvent } from './price-event.ts';
import type { PriceEventPorts } from './price-event.ts';
import type { UnpricedEvent } from './rejected-events-port.ts';

const unpriced: UnpricedEvent = {
  id: 'chatcmpl-1',
  startedAt: new Date('2026-11-22T10:00:00Z'),
  base: 'john@company.com',
  identity: 'john@company.com',
  category: 'platform',
  keyHash: 'abc',
  teamId: 'team-1',
  userId: null,
  modelGroup: 'new-model',
  model: 'openai/new-model',
  provider: 'openai',
  promptTokens: 1,
  completionTokens: 2,
  pricedNanoUsd: null,
};

function createWorld(event: UnpricedEvent = unpriced) {
  const adjustments = new Map<string, Adjustment>();
  const pushed: unknown[] = [];
  const rules = publishedRules({ version: 7 });
  const ports: PriceEventPorts = {
    rules: { current: () => rules, refresh: async () => rules },
    ledger: {
      adjust: async ({ adjustment }) => {
        const outcome = adjustments.has(adjustment.id) ? ('duplicate' as const) : ('recorded' as const);
        if (outcome === 'recorded') adjustments.set(adjustment.id, adjustment);
        const row = { period: 'none', periodEnd: null, stripe: 0, spentNanoUsd: 5n, version: 1 };
        return { epoch: 1, outcome, counters: [{ subject: 'global:proxy', ...row }] };
      },
    },
    unpriced: {
      find: async (id) => {
        const pricedNanoUsd = adjustments.get(`pricing:${event.id}`)?.amountNanoUsd ?? event.pricedNanoUsd;
        return id === event.id ? { ...event, pricedNanoUsd } : undefined;
      },
    },
    copy: { put: async (_epoch, counters) => void pushed.push(...counters) },
    clock: { nowMs: () => 0, wait: async () => undefined },
    onPushOwed: () => undefined,
    onRefused: () => undefined,
  };
  return { ports, adjustments, pushed };
}

const price = {
  eventId: 'chatcmpl-1',
  costNanoUsd: 5n,
  actor: 'ops',
  note: 'list price',
  deadlineAtMs: 1_000,
};

describe('priceEvent', () => {
  it('charges the cost once, at the time and to the subjects of the call', async () => {
    const { ports, adjustments, pushed } = createWorld();
    expect(await priceEvent(ports, price)).toMatchObject({ outcome: 'priced', costNanoUsd: 5n });
    const adjustment = adjustments.get('pricing:chatcmpl-1');
    expect(adjustment).toMatchObject({ kind: 'pricing', effectiveAt: unpriced.startedAt, actor: 'ops' });
    expect(adjustment?.charges.map(({ subject }) => subject).toSorted()).toEqual([
      'customer:john@company.com',
      'global:proxy',
      'key:abc',
      'key_model:abc/new-model',
      'team:team-1',
    ]);
    expect(pushed).toHaveLength(1);
  });

  it('answers the same when it is priced again with the same amount', async () => {
    const { ports, adjustments } = createWorld();
    const first = await priceEvent(ports, price);
    expect(await priceEvent(ports, price)).toEqual(first);
    expect(adjustments.size).toBe(1);
  });

  it('refuses another amount and says which one stands', async () => {
    const { ports } = createWorld();
    await priceEvent(ports, price);
    expect(await priceEvent(ports, { ...price, costNanoUsd: 6n })).toEqual({
      outcome: 'priced_otherwise',
      pricedNanoUsd: 5n,
    });
  });

  it('finds the amount that another pricing wrote at the same time', async () => {
    const { ports } = createWorld();
    const [one, other] = await Promise.all([
      priceEvent(ports, price),
      priceEvent(ports, { ...price, costNanoUsd: 6n }),
    ]);
    expect([one.outcome, other.outcome].toSorted()).toEqual(['priced', 'priced_otherwise']);
  });

  it('keeps the identity of the ledger when the rules would find another today', async () => {
    const { ports, adjustments } = createWorld({
      ...unpriced,
      identity: 'john@company.com_old_premium',
      category: 'premium_models',
    });
    await priceEvent(ports, price);
    const subjects = adjustments.get('pricing:chatcmpl-1')?.charges.map(({ subject }) => subject);
    expect(subjects).toContain('customer:john@company.com_old_premium');
    expect(subjects?.filter((subject) => subject.startsWith('customer:'))).toHaveLength(1);
  });

  it('says when no unpriced event has this id', async () => {
    expect(await priceEvent(createWorld().ports, { ...price, eventId: 'other' })).toEqual({
      outcome: 'not_found',
    });
  });
});
