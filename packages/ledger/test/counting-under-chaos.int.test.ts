import { LedgerUnavailable } from '@spendgate/domain';
import type { AttributedEvent } from '@spendgate/domain';
import type { LedgerBatch, LedgerResult } from '@spendgate/application';
import type { LedgerConnection } from '@spendgate/ledger';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { expect } from 'vitest';
import { eventOn, ledgerTest, MONTH, monthly, open, spentBy } from './ledger-test.ts';

const SUBJECTS = ['customer:a', 'customer:b', 'customer:Ç', 'global:proxy', 'key:k', 'team:T', 'team:t'];

/** Connections ended at most while the writers write. */
const KILLS = 80;

interface Sent {
  readonly id: number;
  readonly costNanoUsd: bigint;
  readonly subjects: readonly string[];
}

const sent = fc.record({
  id: fc.integer({ min: 0, max: 40 }),
  costNanoUsd: fc.bigInt({ min: 0n, max: 10n ** 16n }),
  subjects: fc.subarray(SUBJECTS),
});
const batches = fc.array(
  fc.record({
    stripe: fc.integer({ min: 0, max: 7 }),
    events: fc.uniqueArray(sent, { selector: ({ id }) => id, minLength: 1, maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 12 },
);

function toEvent({ id, costNanoUsd, subjects }: Sent): AttributedEvent {
  return eventOn(subjects.map(monthly), { id: `event-${id}`, costNanoUsd, fingerprint: costNanoUsd });
}

/** The model: the first event of an id counts, another of the same fingerprint is a duplicate, else a conflict. */
function model() {
  const seen = new Map<number, bigint>();
  const spent: Record<string, bigint> = {};
  return {
    spent,
    take({ id, costNanoUsd, subjects }: Sent): string {
      const known = seen.get(id);
      if (known !== undefined) return known === costNanoUsd ? 'duplicate' : 'id_conflict';
      seen.set(id, costNanoUsd);
      for (const subject of subjects)
        spent[`${subject} ${MONTH}`] = (spent[`${subject} ${MONTH}`] ?? 0n) + costNanoUsd;
      return 'recorded';
    },
  };
}

async function empty(pool: Pool): Promise<void> {
  await pool.query(
    'TRUNCATE spendgate.event_ids, spendgate.spend_events, spendgate.counters, spendgate.counter_changes',
  );
}

async function allCounters(connection: LedgerConnection): Promise<Record<string, bigint>> {
  return spentBy(await connection.counterSource.openPage({ after: null, limit: 10_000 }));
}

ledgerTest(
  'outcomes and counters equal the model for any sequence of batches',
  async ({ connection, database }) => {
    await fc.assert(
      fc.asyncProperty(batches, async (sequence) => {
        await empty(database.pool);
        const expected = model();
        for (const { stripe, events } of sequence) {
          const outcomes = events.map((event) => expected.take(event));
          const result = await connection.ledger.record({
            rulesVersion: 0,
            stripe,
            events: events.map(toEvent),
          });
          expect(result.outcomes).toEqual(outcomes);
          await expectCurrent(result, database.pool);
        }
        expect(await allCounters(connection)).toEqual(expected.spent);
      }),
      { numRuns: 40 },
    );
  },
);

/** What a batch answers is what stands in the table, row by row. */
async function expectCurrent(result: LedgerResult, pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ key: string }>(
    `SELECT concat_ws('|', subject, stripe, spent_nano_usd, version) AS key FROM spendgate.counters`,
  );
  const stored = new Set(rows.map(({ key }) => key));
  const answered = result.counters.map((c) => [c.subject, c.stripe, c.spentNanoUsd, c.version].join('|'));
  expect(answered.filter((key) => !stored.has(key))).toEqual([]);
}

/** Deterministic, so that a failure can be looked at again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function chaosEvents(random: (below: number) => number): AttributedEvent[] {
  const ids = new Set(Array.from({ length: 60 }, () => random(6_000)));
  // The order within a batch is not that of its ids: the database must sort what it locks.
  return [...ids].map((id) => {
    const customer = `customer:c${id % 37}`;
    const subjects = [`team:t${id % 5}`, customer, 'global:proxy', `key:k${id % 3}`];
    return eventOn(subjects.map(monthly), {
      id: `chaos-${id}`,
      costNanoUsd: BigInt(id) * 1_000_003n,
      endUser: customer,
      fingerprint: BigInt(id),
    });
  });
}

/** Sends a batch until it is answered, as ingest does; returns how often it was sent. */
async function sendUntilAnswered(connection: LedgerConnection, batch: LedgerBatch): Promise<number> {
  for (let sendings = 1; ; sendings += 1) {
    try {
      await connection.ledger.record(batch);
      return sendings;
    } catch (error) {
      if (!(error instanceof LedgerUnavailable) || sendings > KILLS + 1) throw error;
    }
  }
}

/** Ends connections of the writers in the midst of their work; returns how many. */
async function killOne(pool: Pool, pick: number): Promise<number> {
  const { rows } = await pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'ledger-test' AND state = 'active'
     ORDER BY pid OFFSET $1 LIMIT 1`,
    [pick],
  );
  return rows.length;
}

const LEDGER_SUMS = `SELECT s.subject, sum(e.cost_nano_usd)::text AS spent FROM spendgate.spend_events e,
  unnest(ARRAY[e.end_user, 'global:proxy', 'team:t' || substr(e.id, 7)::int % 5, 'key:k' || substr(e.id, 7)::int % 3])
    AS s (subject) GROUP BY 1`;

ledgerTest(
  'counters equal the ledger after eight writers, duplicates and killed backends',
  async ({ database }) => {
    const writers = await Promise.all(Array.from({ length: 8 }, async () => open(database.url, 1)));
    const state = { writing: true, sendings: 0 };
    const batchesEach = 25;
    const random = randomFrom(99);
    const kill = async (): Promise<number> => {
      let killed = 0;
      while (state.writing && killed < KILLS) killed += await killOne(database.pool, random(8));
      return killed;
    };
    const write = async (): Promise<void> => {
      await Promise.all(
        writers.map(async (writer, stripe) => {
          const own = randomFrom(stripe + 1);
          for (let count = 0; count < batchesEach; count += 1) {
            const events = chaosEvents(own);
            const sendings = await sendUntilAnswered(writer, { rulesVersion: 0, stripe, events });
            state.sendings += sendings;
          }
        }),
      );
      state.writing = false;
    };
    const [killed] = await Promise.all([kill(), write()]);

    const reader = await open(database.url, 1);
    const { rows } = await database.pool.query<{ subject: string; spent: string }>(LEDGER_SUMS);
    const ledger = Object.fromEntries(
      rows.map(({ subject, spent }) => [`${subject} ${MONTH}`, BigInt(spent)]),
    );
    expect(await allCounters(reader)).toEqual(ledger);
    const ids = await database.pool.query(
      'SELECT (SELECT count(*) FROM spendgate.event_ids) = (SELECT count(DISTINCT id) FROM spendgate.spend_events) AS once, (SELECT count(*) FROM spendgate.event_ids) = (SELECT count(*) FROM spendgate.spend_events) AS complete',
    );
    expect(ids.rows).toEqual([{ once: true, complete: true }]);
    expect(killed).toBeGreaterThan(10);
    expect(state.sendings).toBeGreaterThan(writers.length * batchesEach);
    await Promise.all([...writers, reader].map((each) => each.close()));
  },
  120_000,
);

ledgerTest('concurrent batches on the same counters never deadlock', async ({ connection, database }) => {
  const before = await deadlocks(database.pool);
  const random = randomFrom(7);
  const results = await Promise.allSettled(
    Array.from({ length: 200 }, async () =>
      connection.ledger.record({ rulesVersion: 0, stripe: 0, events: chaosEvents(random) }),
    ),
  );
  expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  expect(await deadlocks(database.pool)).toBe(before);
});

async function deadlocks(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ deadlocks: number }>(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  );
  return rows[0]?.deadlocks ?? -1;
}
