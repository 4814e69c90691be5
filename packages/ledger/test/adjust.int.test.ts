import { StaleRules } from '@spendgate/domain';
import type { Adjustment } from '@spendgate/application';
import { expect } from 'vitest';
import { eventOn, ledgerTest, MONTH, monthly, NOW, spentBy } from './ledger-test.ts';

const pricing: Adjustment = {
  id: 'pricing:e1',
  kind: 'pricing',
  eventId: 'e1',
  amountNanoUsd: 42n,
  effectiveAt: NOW,
  charges: [monthly('customer:ann'), monthly('team:t')],
  actor: 'ops',
  note: null,
};

ledgerTest('an adjustment charges its subjects once', async ({ connection }) => {
  const first = await connection.ledger.adjust({ rulesVersion: 0, adjustment: pricing });
  const second = await connection.ledger.adjust({ rulesVersion: 0, adjustment: pricing });
  const expected = { [`customer:ann ${MONTH}`]: 42n, [`team:t ${MONTH}`]: 42n };
  expect([first.outcome, second.outcome]).toEqual(['recorded', 'duplicate']);
  expect(spentBy(first.counters)).toEqual(expected);
  expect(spentBy(second.counters)).toEqual(expected);
});

ledgerTest('an event is priced once, whatever the id of the adjustment', async ({ connection }) => {
  await connection.ledger.adjust({ rulesVersion: 0, adjustment: pricing });
  const other = await connection.ledger.adjust({ rulesVersion: 0, adjustment: { ...pricing, id: 'other' } });
  expect(other.outcome).toBe('duplicate');
});

ledgerTest('a negative adjustment lowers the counters, all stripes answered', async ({ connection }) => {
  await connection.ledger.record({
    rulesVersion: 0,
    stripe: 5,
    events: [eventOn([monthly('team:t')], { costNanoUsd: 50n })],
  });
  const { counters } = await connection.ledger.adjust({
    rulesVersion: 0,
    adjustment: { ...pricing, kind: 'reset', eventId: null, amountNanoUsd: -50n },
  });
  expect(
    counters
      .filter(({ subject }) => subject === 'team:t')
      .map(({ stripe, spentNanoUsd }) => [stripe, spentNanoUsd]),
  ).toEqual(
    expect.arrayContaining([
      [0, -50n],
      [5, 50n],
    ]),
  );
});

ledgerTest('an adjustment by other rules than the published ones is refused', async ({ connection }) => {
  await expect(connection.ledger.adjust({ rulesVersion: 7, adjustment: pricing })).rejects.toThrow(
    StaleRules,
  );
});

ledgerTest('a priced event leaves the list of unpriced ones, and shows its price', async ({ connection }) => {
  const unpriced = ['e1', 'e2', 'e3'].map((id) => eventOn([], { id, costNanoUsd: 0n, unpriced: true }));
  await connection.ledger.record({ rulesVersion: 0, stripe: 0, events: [...unpriced, eventOn([])] });
  await connection.ledger.adjust({ rulesVersion: 0, adjustment: pricing });

  const { unpriced: port } = connection;
  expect(await port.countOpen()).toBe(2);
  expect((await port.list({ after: null, limit: 1 })).map(({ id }) => id)).toEqual(['e2']);
  expect((await port.list({ after: 'e2', limit: 9 })).map(({ id }) => id)).toEqual(['e3']);
  expect(await port.find('e1')).toMatchObject({
    id: 'e1',
    startedAt: NOW,
    promptTokens: 10,
    pricedNanoUsd: 42n,
  });
  expect(await port.find('e2')).toMatchObject({ pricedNanoUsd: null });
  expect(await port.find('nowhere')).toBeUndefined();
});
