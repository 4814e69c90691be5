import { describe, expect } from 'vitest';
import type { Pool } from 'pg';
import { besideTransaction, ended, eventOn, ledgerTest, monthly, NOW } from './ledger-test.ts';

const batch = { rulesVersion: 0, stripe: 0 };
const due = { endedBefore: NOW, limit: 100 };

async function closedRows(pool: Pool): Promise<unknown> {
  const { rows } = await pool.query(
    'SELECT subject, revision, spent_nano_usd AS spent FROM spendgate.closed_periods ORDER BY subject, revision',
  );
  return rows;
}

describe('closing periods', () => {
  ledgerTest('writes the sum over all stripes once', async ({ connection, database }) => {
    for (const stripe of [0, 3]) {
      await connection.ledger.record({
        ...batch,
        stripe,
        events: [eventOn([ended('team:t'), monthly('team:t')], { costNanoUsd: 7n })],
      });
    }
    const { period } = ended('team:t');
    expect(await connection.upkeep.closePeriods(due)).toEqual([
      { subject: 'team:t', period, stripe: 0 },
      { subject: 'team:t', period, stripe: 3 },
    ]);
    expect(await connection.upkeep.closePeriods(due)).toEqual([]);
    expect(await closedRows(database.pool)).toEqual([{ subject: 'team:t', revision: 1, spent: '14' }]);
  });

  ledgerTest('a late event makes a new revision', async ({ connection, database }) => {
    const events = () => [eventOn([ended('team:t')], { costNanoUsd: 7n })];
    await connection.ledger.record({ ...batch, stripe: 1, events: events() });
    await connection.upkeep.closePeriods(due);
    for (const stripe of [1, 2]) {
      await connection.ledger.record({ ...batch, stripe, events: events() });
      expect(await connection.upkeep.closePeriods(due)).toHaveLength(stripe);
    }
    expect(await closedRows(database.pool)).toEqual([
      { subject: 'team:t', revision: 1, spent: '7' },
      { subject: 'team:t', revision: 2, spent: '14' },
      { subject: 'team:t', revision: 3, spent: '21' },
    ]);
  });

  ledgerTest(
    'a duplicate of a closed period’s event does not bring its counters back',
    async ({ connection }) => {
      const old = eventOn([ended('team:t'), monthly('team:t')], { costNanoUsd: 7n });
      await connection.ledger.record({ ...batch, events: [old] });
      await connection.upkeep.closePeriods(due);
      const again = await connection.ledger.record({ ...batch, events: [old] });
      expect(again.outcomes).toEqual(['duplicate']);
      expect(again.counters).toMatchObject([{ subject: 'team:t', period: monthly('team:t').period }]);
    },
  );

  ledgerTest('is bounded, and goes on where it stopped', async ({ connection }) => {
    const charges = ['a', 'b', 'c'].map((name) => ended(`customer:${name}`));
    await connection.ledger.record({ ...batch, events: [eventOn(charges)] });
    const runs = [2, 2, 2].map(async () => connection.upkeep.closePeriods({ ...due, limit: 2 }));
    const lengths: number[] = [];
    for (const run of runs) lengths.push((await run).length);
    await connection.upkeep.closePeriods(due);
    expect(lengths.every((length) => length <= 2)).toBe(true);
    expect(await connection.upkeep.closePeriods(due)).toEqual([]);
  });

  ledgerTest('leaves a period that a writer holds to the next run', async ({ connection, database }) => {
    await connection.ledger.record({ ...batch, stripe: 1, events: [eventOn([ended('team:t')])] });
    await connection.ledger.record({ ...batch, stripe: 2, events: [eventOn([ended('team:t')])] });
    await besideTransaction(database.pool, async (writer) => {
      await writer.query('SELECT FROM spendgate.counters WHERE stripe = 2 FOR UPDATE');
      expect(await connection.upkeep.closePeriods(due)).toEqual([]);
      await writer.query('ROLLBACK');
    });
    expect(await connection.upkeep.closePeriods(due)).toHaveLength(2);
  });

  ledgerTest('never closes a period that has not ended, whatever it is asked', async ({ connection }) => {
    await connection.ledger.record({ ...batch, events: [eventOn([monthly('team:t')])] });
    expect(await connection.upkeep.closePeriods({ endedBefore: new Date('2999-01-01'), limit: 9 })).toEqual(
      [],
    );
  });

  ledgerTest(
    'the last revisions equal the ledger after closing beside running writers',
    async ({ connection, database }) => {
      const state = { writing: true };
      const closing = (async () => {
        while (state.writing) await connection.upkeep.closePeriods({ ...due, limit: 3 });
      })();
      await Promise.all(
        [0, 1, 2, 3].map(async (stripe) => {
          for (let round = 0; round < 40; round += 1) {
            const charges = ['team:a', 'team:b', `team:${round % 7}`, 'customer:c'].map(ended);
            await connection.ledger.record({
              ...batch,
              stripe,
              events: [eventOn(charges, { costNanoUsd: 3n, teamId: String(round % 7) })],
            });
          }
        }),
      );
      state.writing = false;
      await closing;
      await connection.upkeep.closePeriods(due);
      const { rows } = await database.pool.query(
        `SELECT DISTINCT ON (subject) subject, spent_nano_usd::int AS spent FROM spendgate.closed_periods ORDER BY subject, revision DESC`,
      );
      const numbered = [24, 24, 24, 24, 24, 20, 20].map((events, n) => ({
        subject: `team:${n}`,
        spent: events * 3,
      }));
      expect(rows).toEqual([
        { subject: 'customer:c', spent: 480 },
        ...numbered,
        { subject: 'team:a', spent: 480 },
        { subject: 'team:b', spent: 480 },
      ]);
    },
  );
});

describe('partitions', () => {
  ledgerTest(
    'are made ahead once, this month and the three that follow from the start',
    async ({ connection }) => {
      expect(await connection.upkeep.createPartitions({ at: NOW, monthsAhead: 3 })).toEqual([]);
      expect(
        await connection.upkeep.createPartitions({ at: new Date('2031-11-30T23:59:59Z'), monthsAhead: 2 }),
      ).toEqual(['spend_events_2031_11', 'spend_events_2031_12', 'spend_events_2032_01']);
    },
  );

  ledgerTest(
    'take the first and the last instant of their month, in UTC',
    async ({ connection, database }) => {
      await connection.upkeep.createPartitions({ at: new Date('2031-11-01'), monthsAhead: 0 });
      const starts = ['2031-11-01T00:00:00.000Z', '2031-11-30T23:59:59.999Z', '2031-12-01T00:00:00.000Z'];
      await connection.ledger.record({
        ...batch,
        events: starts.map((start) => eventOn([], { startedAt: new Date(start) })),
      });
      const { rows } = await database.pool.query('SELECT count(*)::int FROM spendgate.spend_events_2031_11');
      expect(rows).toEqual([{ count: 2 }]);
      expect(await connection.upkeep.defaultPartitionCount()).toBe(1);
    },
  );

  ledgerTest(
    'rows of the default partition move to partitions of their own while events come in',
    async ({ connection, database }) => {
      const strays = ['2019-01-31T23:00:00Z', '2019-02-01T00:00:00Z', '2019-02-02T00:00:00Z'].map((start) =>
        eventOn([monthly('customer:a')], { startedAt: new Date(start), unpriced: true, costNanoUsd: 0n }),
      );
      await connection.ledger.record({ ...batch, events: strays });
      expect(
        await connection.upkeep.createPartitions({ at: new Date('2019-02-01'), monthsAhead: 0 }),
      ).toEqual([]);
      const beside = Array.from({ length: 20 }, async () =>
        connection.ledger.record({ ...batch, events: [eventOn([monthly('customer:a')])] }),
      );
      const [moved] = await Promise.all([connection.upkeep.emptyDefaultPartition(), ...beside]);
      expect(moved).toBe(3);
      expect(await connection.upkeep.defaultPartitionCount()).toBe(0);
      expect(await connection.upkeep.emptyDefaultPartition()).toBe(0);
      const { rows } = await database.pool.query('SELECT count(*)::int FROM spendgate.spend_events_2019_02');
      expect(rows).toEqual([{ count: 2 }]);
      expect(await connection.unpriced.find(strays[0]?.event.id ?? '')).toBeDefined();
      expect((await connection.ledger.record({ ...batch, events: strays })).outcomes).toEqual([
        'duplicate',
        'duplicate',
        'duplicate',
      ]);
    },
  );
});
