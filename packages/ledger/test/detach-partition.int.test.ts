import { LedgerUnavailable, attribute, chargesOfRecorded } from '@spendgate/domain';
import type { SpendEvent } from '@spendgate/domain';
import type { ChargesOf, DetachResult } from '@spendgate/application';
import type { LedgerConnection } from '@spendgate/ledger';
import { budget, publishedRules, spendEvent } from '@spendgate/testkit';
import type { Pool } from 'pg';
import { describe, expect } from 'vitest';
import { besideTransaction, ledgerTest, monthStart, NOW } from './ledger-test.ts';

/** The month that is detached: far enough back to be no part of any month that the migrations made. */
const MONTH = monthStart(-4);
const NAME = `spend_events_${MONTH.toISOString().slice(0, 7).replace('-', '_')}`;

/** Customers spend by the month; the whole proxy in twelve of them, so its period is open still. */
const anchored = [{ from: null, scheme: { duration: '12mo', anchor: monthStart(-6) } }];
const published = publishedRules({ catalogue: { budgets: [budget()] } });
const rules = { ...published, schemes: { ...published.schemes, global: anchored } };
const chargesOf: ChargesOf = (call) => chargesOfRecorded(rules, call);

const call = { month: MONTH, chargesOf, lockTimeoutMs: 5_000, actor: 'operator' };

/** The n-th instant of the month, one minute after the other. */
function inMonth(n: number): Date {
  return new Date(MONTH.getTime() + n * 60_000);
}

function at(startedAt: Date, of: Partial<SpendEvent> = {}): SpendEvent {
  return spendEvent({ startedAt, endedAt: startedAt, keyHash: 'abc', teamId: 'red', ...of });
}

async function record(connection: LedgerConnection, events: readonly SpendEvent[], stripe = 0) {
  const attributed = events.map((event) => attribute(rules, event));
  return connection.ledger.record({ rulesVersion: 0, stripe, events: attributed });
}

async function closeAll(connection: LedgerConnection): Promise<void> {
  while ((await connection.upkeep.closePeriods({ endedBefore: NOW, limit: 500 })).length > 0);
}

/** A ledger with a partition for the month and calls in it, all finished periods closed. */
async function filled(connection: LedgerConnection, of: { readonly calls: number }): Promise<void> {
  await connection.upkeep.createPartitions({ at: MONTH, monthsAhead: 0 });
  const events = Array.from({ length: of.calls }, (_, n) =>
    at(inMonth(n), { endUser: `user-${n % 7}`, costNanoUsd: BigInt(n) }),
  );
  await record(connection, events, 1);
  await record(connection, [at(NOW)]);
  await closeAll(connection);
}

async function expectEqualSums(connection: LedgerConnection): Promise<number> {
  const compared = await connection.upkeep.compareSums({ chargesOf, limit: 10 });
  expect(compared.differences).toEqual([]);
  expect(compared.differing).toBe(0);
  return compared.compared;
}

async function counters(pool: Pool): Promise<unknown> {
  const { rows } = await pool.query('SELECT * FROM spendgate.counters ORDER BY subject, period, stripe');
  return rows;
}

function tableOf(result: DetachResult): string {
  return result.outcome === 'detached' ? result.tableName : '';
}

describe('detaching a month', () => {
  ledgerTest(
    'keeps the counters, and ledger and counters still compare',
    async ({ connection, database }) => {
      await filled(connection, { calls: 50 });
      const before = await counters(database.pool);
      const compared = await expectEqualSums(connection);

      const result = await connection.upkeep.detachPartition(call);
      // The whole proxy, the key, the key's model and the team; the customers' periods are closed.
      expect(result).toEqual({
        outcome: 'detached',
        tableName: `${NAME}_detached_1`,
        chargedRows: 49,
        openingBalances: 4,
      });

      expect(await counters(database.pool)).toEqual(before);
      expect(await expectEqualSums(connection)).toBe(compared);
      const left = await database.pool.query('SELECT count(*)::int FROM spendgate.spend_events');
      expect(left.rows).toEqual([{ count: 1 }]);
      const gone = await database.pool.query(`SELECT count(*)::int FROM spendgate.${tableOf(result)}`);
      expect(gone.rows).toEqual([{ count: 50 }]);
      const noted = await database.pool.query(
        `SELECT subjects[1] AS subject, amount_nano_usd::int AS amount, effective_at = $1 AS within, actor
       FROM spendgate.adjustments WHERE kind = 'opening_balance' ORDER BY subjects[1] COLLATE "C"`,
        [MONTH],
      );
      expect(noted.rows).toEqual(
        ['global:proxy', 'key:abc', 'key_model:abc/gpt-4o-mini', 'team:red'].map((subject) => ({
          subject,
          amount: 1225,
          within: true,
          actor: 'operator',
        })),
      );
    },
  );

  ledgerTest('does nothing when it is repeated', async ({ connection, database }) => {
    await filled(connection, { calls: 5 });
    await connection.upkeep.detachPartition(call);
    const adjustments = 'SELECT * FROM spendgate.adjustments ORDER BY id';
    const { rows } = await database.pool.query(adjustments);
    expect(await connection.upkeep.detachPartition(call)).toEqual({ outcome: 'not_attached' });
    expect((await database.pool.query(adjustments)).rows).toEqual(rows);
    const drafts = await database.pool.query('SELECT FROM spendgate.opening_drafts');
    expect(drafts.rows).toEqual([]);
  });

  ledgerTest('a call of a detached month is a duplicate for ever', async ({ connection, database }) => {
    await filled(connection, { calls: 5 });
    const known = at(inMonth(100), { id: 'known' });
    await record(connection, [known]);
    await closeAll(connection);
    await connection.upkeep.detachPartition(call);
    const before = await counters(database.pool);
    expect((await record(connection, [known])).outcomes).toEqual(['duplicate']);
    expect(await counters(database.pool)).toEqual(before);
  });

  ledgerTest(
    'takes late calls of the month as a part of their own, when it is repeated',
    async ({ connection }) => {
      await filled(connection, { calls: 5 });
      await connection.upkeep.detachPartition(call);
      await record(connection, [at(inMonth(7), { id: 'late' })]);
      await expectEqualSums(connection);
      expect(await connection.upkeep.emptyDefaultPartition()).toBe(1);
      await closeAll(connection);
      expect(await connection.upkeep.detachPartition(call)).toMatchObject({
        outcome: 'detached',
        tableName: `${NAME}_detached_2`,
        chargedRows: 1,
      });
      await expectEqualSums(connection);
    },
  );

  ledgerTest('counts prices given to its calls before and after', async ({ connection }) => {
    await filled(connection, { calls: 3 });
    const unpriced = at(inMonth(9), { id: 'unpriced', unpriced: true, costNanoUsd: 0n });
    await record(connection, [unpriced]);
    expect(await connection.upkeep.detachPartition(call)).toEqual({
      outcome: 'refused',
      obstacle: 'events_unpriced',
      found: 1,
    });
    const { charges } = attribute(rules, { ...unpriced, costNanoUsd: 77n });
    await connection.ledger.adjust({
      rulesVersion: 0,
      adjustment: {
        id: 'pricing:unpriced',
        kind: 'pricing',
        eventId: 'unpriced',
        amountNanoUsd: 77n,
        effectiveAt: unpriced.startedAt,
        charges,
        actor: 'operator',
        note: null,
      },
    });
    await closeAll(connection);
    await expectEqualSums(connection);
    expect(await connection.upkeep.detachPartition(call)).toMatchObject({ outcome: 'detached' });
    await expectEqualSums(connection);
  });

  ledgerTest('is refused for this month and those to come', async ({ connection }) => {
    for (const away of [0, 1, 3]) {
      expect(await connection.upkeep.detachPartition({ ...call, month: monthStart(away) })).toMatchObject({
        outcome: 'refused',
        obstacle: 'month_not_over',
      });
    }
  });

  ledgerTest('is refused while a period of its calls is not closed', async ({ connection }) => {
    await filled(connection, { calls: 3 });
    await record(connection, [at(inMonth(8))]);
    expect(await connection.upkeep.detachPartition(call)).toEqual({
      outcome: 'refused',
      obstacle: 'periods_not_closed',
      found: 1,
    });
    await closeAll(connection);
    expect(await connection.upkeep.detachPartition(call)).toMatchObject({ outcome: 'detached' });
  });

  ledgerTest('finds nothing where there is no such month', async ({ connection }) => {
    const month = new Date('2001-05-01');
    expect(await connection.upkeep.detachPartition({ ...call, month })).toEqual({ outcome: 'not_attached' });
  });

  ledgerTest(
    'gives up in time, to be tried again, while a batch is being counted',
    async ({ connection, database }) => {
      await filled(connection, { calls: 3 });
      await besideTransaction(database.pool, async (batch) => {
        await batch.query('SELECT pg_advisory_xact_lock_shared(1397770068, 1)');
        const attempt = connection.upkeep.detachPartition({ ...call, lockTimeoutMs: 100 });
        await expect(attempt).rejects.toThrow(LedgerUnavailable);
        await expect(attempt).rejects.toThrow(/lock timeout/);
        await expect(attempt).rejects.toMatchObject({ retryable: true });
        await batch.query('ROLLBACK');
      });
      await expectEqualSums(connection);
      expect(await connection.upkeep.detachPartition(call)).toMatchObject({ outcome: 'detached' });
    },
  );

  ledgerTest('changes nothing when rows came in since they were summed', async ({ connection, database }) => {
    await filled(connection, { calls: 4 });
    const draft = '3e7c2b4e-5c9b-4a53-9d0c-1a6f6f0c8e11';
    await database.pool.query(
      `INSERT INTO spendgate.opening_drafts (draft, subject, period, amount_nano_usd) VALUES ($1, 'team:red', 'none', 6)`,
      [draft],
    );
    // Three rows cost something, and four charges each: one row or one charge more or less is another month.
    // One row fewer was summed than there are; then the draft is gone, as after a crash.
    for (const summed of [2, 3]) {
      const { rows: answer } = await database.pool.query(
        'SELECT obstacle FROM spendgate.detach_partition($1::date, $2, $3, $4, $5)',
        [MONTH, draft, summed, 6, 'operator'],
      );
      expect(answer).toEqual([{ obstacle: 'draft_outdated' }]);
    }
    const noted = await database.pool.query('SELECT FROM spendgate.adjustments');
    expect(noted.rows).toEqual([]);
    await expectEqualSums(connection);
  });

  ledgerTest('loses and doubles nothing while calls come in, late ones too', async ({ connection }) => {
    await filled(connection, { calls: 6_000 });
    const state = { detaching: true, late: 0, written: 0 };
    const writers = [0, 1, 2].map(async (stripe) => {
      for (let n = 0; state.detaching; n += 1) {
        const isLate = n % 4 === 0 && state.late < 6;
        if (isLate) state.late += 1;
        const when = isLate ? inMonth(50_000 / 60) : NOW;
        await record(
          connection,
          [at(when, { endUser: `user-${n % 5}`, costNanoUsd: BigInt(n + 1) })],
          stripe,
        );
        state.written += 1;
      }
    });
    const comparing = (async () => {
      while (state.detaching) await expectEqualSums(connection);
    })();
    let result: DetachResult;
    do {
      await closeAll(connection);
      result = await connection.upkeep.detachPartition(call);
    } while (result.outcome !== 'detached');
    state.detaching = false;
    await Promise.all([...writers, comparing]);
    expect(state.written).toBeGreaterThan(6);
    expect(result.chargedRows).toBeGreaterThanOrEqual(5_999);
    await expectEqualSums(connection);
  });
});

ledgerTest('a comparison names what differs, and how much', async ({ connection, database }) => {
  await filled(connection, { calls: 10 });
  const compared = await expectEqualSums(connection);
  await database.pool.query(
    `UPDATE spendgate.counters SET spent_nano_usd = spent_nano_usd + 1 
     WHERE subject IN ('team:red', 'key:abc') AND stripe = 0`,
  );
  expect(await connection.upkeep.compareSums({ chargesOf, limit: 1 })).toEqual({
    compared,
    differing: 2,
    differences: [
      { subject: 'key:abc', period: 'none', ledgerNanoUsd: 10_000_045n, countersNanoUsd: 10_000_046n },
    ],
  });
});
