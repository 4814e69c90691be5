import { inspect } from 'node:util';
import { LedgerRefusedData, LedgerUnavailable, StaleRules } from '@spendgate/domain';
import { describe, expect } from 'vitest';
import {
  besideTransaction,
  eventOn,
  ledgerTest,
  MONTH,
  monthly,
  monthStart,
  open,
  spentBy,
} from './ledger-test.ts';

const batch = { rulesVersion: 0, stripe: 0 };

/** Sessions that wait for the lock between counting and publishing. */
const WAITING = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`;

describe('record', () => {
  ledgerTest(
    'answers absolute values, versions and the epoch for what it charged',
    async ({ connection }) => {
      const charges = [monthly('customer:ann'), { subject: 'global:proxy', period: 'none', periodEnd: null }];
      const first = await connection.ledger.record({
        ...batch,
        stripe: 3,
        events: [eventOn(charges), eventOn(charges)],
      });
      const second = await connection.ledger.record({ ...batch, stripe: 3, events: [eventOn(charges)] });

      expect(first.outcomes).toEqual(['recorded', 'recorded']);
      expect(first.counters).toMatchObject([
        {
          subject: 'customer:ann',
          period: MONTH,
          periodEnd: monthStart(1),
          stripe: 0,
          spentNanoUsd: 20_000_000n,
        },
        { subject: 'global:proxy', period: 'none', periodEnd: null, stripe: 3, spentNanoUsd: 20_000_000n },
      ]);
      expect(second.counters.map(({ spentNanoUsd }) => spentNanoUsd)).toEqual([30_000_000n, 30_000_000n]);
      expect(second.counters[0]?.version).toBeGreaterThan(first.counters[0]?.version ?? Infinity);
      expect(second.counters[0]?.version).toBeLessThan(2 ** 53);
      expect(second.epoch).toBe((await connection.counterSource.snapshot()).epoch);
    },
  );

  ledgerTest(
    'counts an event once when it is delivered twice, and answers what it had charged',
    async ({ connection }) => {
      const charges = [monthly('customer:ann'), { subject: 'key:k', period: 'none', periodEnd: null }];
      const event = eventOn(charges);
      await connection.ledger.record({ ...batch, stripe: 1, events: [event] });
      const again = await connection.ledger.record({ ...batch, stripe: 2, events: [event] });

      expect(again.outcomes).toEqual(['duplicate']);
      expect(again.counters).toMatchObject([
        { subject: 'customer:ann', stripe: 0, spentNanoUsd: 10_000_000n },
        { subject: 'key:k', stripe: 1, spentNanoUsd: 10_000_000n },
      ]);
    },
  );

  ledgerTest('charges only the new events of a mixed batch', async ({ connection, database }) => {
    const old = eventOn([monthly('customer:ann')], { costNanoUsd: 5n, fingerprint: 5n });
    await connection.ledger.record({ ...batch, events: [old] });
    const result = await connection.ledger.record({
      ...batch,
      events: [
        eventOn([monthly('customer:bob'), monthly('customer:ann')], { costNanoUsd: 7n }),
        old,
        eventOn([monthly('customer:ann')], { id: old.event.id.toUpperCase(), costNanoUsd: 11n }),
        eventOn([], { costNanoUsd: 0n }),
      ],
    });

    expect(result.outcomes).toEqual(['recorded', 'duplicate', 'recorded', 'recorded']);
    expect(spentBy(result.counters)).toEqual({
      [`customer:ann ${MONTH}`]: 23n,
      [`customer:bob ${MONTH}`]: 7n,
    });
    const { rows } = await database.pool.query('SELECT count(*)::int AS count FROM spendgate.spend_events');
    expect(rows).toEqual([{ count: 4 }]);
  });

  ledgerTest('tells an id conflict from a duplicate by the fingerprint', async ({ connection }) => {
    const event = eventOn([monthly('customer:ann')], { fingerprint: -(2n ** 63n) });
    await connection.ledger.record({ ...batch, events: [event] });
    const other = { ...event, event: { ...event.event, fingerprint: 2n ** 63n - 1n, costNanoUsd: 1n } };
    const result = await connection.ledger.record({ ...batch, events: [other] });
    expect(result.outcomes).toEqual(['id_conflict']);
    expect(spentBy(result.counters)).toEqual({ [`customer:ann ${MONTH}`]: 10_000_000n });
  });

  ledgerTest('keeps every field of an event as it came', async ({ connection, database }) => {
    const event = eventOn([], {
      id: 'one "quoted", {braced}\\ ☃ 😀',
      status: 'failure',
      cacheHit: true,
      unpriced: true,
      clockAhead: true,
      costNanoUsd: 0n,
      endUser: '',
      keyHash: 'hash',
      keyAlias: 'NULL',
      teamId: 'team',
      userId: 'user',
      organisationId: 'org',
      userAgent: 'curl/8',
      promptTokens: 2 ** 40,
      startedAt: new Date('2026-11-22T10:00:00.123Z'),
      endedAt: null,
      requestTags: ['a "b"', 'c,d\\', '{}'],
      metadata: { project: 'NULL', 'cost centre': '"7"' },
    });
    await connection.ledger.record({
      ...batch,
      events: [{ ...event, base: null, identity: 'i', category: 'cli' }],
    });
    const { rows } = await database.pool.query('SELECT * FROM spendgate.spend_events');
    expect(rows).toMatchObject([
      {
        id: event.event.id,
        started_at: event.event.startedAt,
        ended_at: null,
        failed: true,
        cache_hit: true,
        unpriced: true,
        clock_ahead: true,
        base: null,
        identity: 'i',
        category: 'cli',
        end_user: '',
        key_alias: 'NULL',
        prompt_tokens: String(2 ** 40),
        request_tags: ['a "b"', 'c,d\\', '{}'],
        metadata: { project: 'NULL', 'cost centre': '"7"' },
      },
    ]);
  });

  ledgerTest(
    'counts ten million dollars to the nano-dollar, and sums beyond 64 bits',
    async ({ connection }) => {
      const charges = [{ subject: 'global:proxy', period: 'none', periodEnd: null }];
      const amounts = [10_000_000_000_000_001n, 9_000_000_000_000_000_000n, 9_000_000_000_000_000_000n, 1n];
      let last: bigint | undefined;
      for (const costNanoUsd of amounts) {
        const { counters } = await connection.ledger.record({
          ...batch,
          events: [eventOn(charges, { costNanoUsd })],
        });
        last = counters[0]?.spentNanoUsd;
      }
      expect(last).toBe(amounts.reduce((sum, amount) => sum + amount, 0n));
    },
  );

  ledgerTest('answers subjects of any script in the right order', async ({ connection }) => {
    const names = [
      'customer:\u{1F600}',
      'customer:\uFFFD',
      'customer:z',
      'customer:é',
      'customer:Z',
      'customer:\uE000',
    ];
    const events = names.map((name, index) => eventOn([monthly(name)], { costNanoUsd: BigInt(index + 1) }));
    const { counters } = await connection.ledger.record({ ...batch, events });
    expect(spentBy(counters)).toEqual(
      Object.fromEntries(names.map((name, index) => [`${name} ${MONTH}`, BigInt(index + 1)])),
    );
  });

  ledgerTest('takes a batch without events', async ({ connection }) => {
    const { epoch } = await connection.counterSource.snapshot();
    expect(await connection.ledger.record({ ...batch, events: [] })).toEqual({
      epoch,
      outcomes: [],
      counters: [],
    });
  });

  ledgerTest.for([
    ['a NUL', { model: 'a\0b' }],
    ['a lone surrogate', { model: 'a\uD800b' }],
    ['a cost beyond 64 bits', { costNanoUsd: 2n ** 63n }],
    ['a negative cost', { costNanoUsd: -1n }],
  ] as const)(
    'refuses %s as data, records nothing and stays usable',
    async ([, event], { connection, database }) => {
      const good = eventOn([monthly('customer:ann')]);
      const bad = eventOn([monthly('customer:ann')], event);
      await expect(connection.ledger.record({ ...batch, events: [good, bad] })).rejects.toThrow(
        LedgerRefusedData,
      );
      const { rows } = await database.pool.query('SELECT FROM spendgate.event_ids');
      expect(rows).toEqual([]);
      expect((await connection.ledger.record({ ...batch, events: [good] })).outcomes).toEqual(['recorded']);
    },
  );

  ledgerTest('records a call of a month without a partition', async ({ connection }) => {
    const event = eventOn([monthly('customer:ann')], { startedAt: new Date('2019-05-05T00:00:00Z') });
    expect((await connection.ledger.record({ ...batch, events: [event] })).outcomes).toEqual(['recorded']);
    expect(await connection.upkeep.defaultPartitionCount()).toBe(1);
  });
});

describe('the check of the rules', () => {
  ledgerTest('refuses a batch attributed by other rules than the published ones', async ({ connection }) => {
    await connection.rules.publish({ expected: 0, toText: String });
    const events = [eventOn([monthly('customer:ann')])];
    await expect(connection.ledger.record({ ...batch, events })).rejects.toThrow(StaleRules);
    expect((await connection.ledger.record({ ...batch, rulesVersion: 1, events })).outcomes).toEqual([
      'recorded',
    ]);
  });

  ledgerTest(
    'refuses a batch that waited while other rules were published',
    async ({ connection, database }) => {
      await besideTransaction(database.pool, async (publisher) => {
        await publisher.query('SELECT pg_advisory_xact_lock(1397770068, 1)');
        const events = [eventOn([monthly('customer:ann')])];
        const refused = expect(connection.ledger.record({ ...batch, events })).rejects.toThrow(StaleRules);
        await expect.poll(async () => (await database.pool.query(WAITING)).rows.length).toBe(1);
        await publisher.query(`INSERT INTO spendgate.published_rules (version, rules) VALUES (1, '')`);
        await publisher.query('COMMIT');
        await refused;
      });
    },
  );

  ledgerTest('counts at READ COMMITTED whatever the database prefers', async ({ connection, database }) => {
    await database.pool.query(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''serializable''', current_database()); END $$`,
    );
    const later = await open(database.url, 1);
    const events = [eventOn([monthly('customer:ann')])];
    expect((await later.ledger.record({ ...batch, events })).outcomes).toEqual(['recorded']);
    await later.close();
    await expect(
      database.pool.query('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT spendgate.begin_counting(0); COMMIT'),
    ).rejects.toMatchObject({ code: 'SG002' });
    expect(await connection.schemaVersion()).toBeGreaterThan(0);
  });
});

describe('failures of the world', () => {
  ledgerTest('a backend that is ended means: send it again', async ({ connection, database }) => {
    const events = [eventOn([monthly('customer:ann')])];
    await besideTransaction(database.pool, async (holder) => {
      await holder.query('SELECT pg_advisory_xact_lock(1397770068, 1)');
      const cut = expect(connection.ledger.record({ ...batch, events })).rejects.toThrow(LedgerUnavailable);
      const kill = `SELECT pg_terminate_backend(pid) FROM (${WAITING}) waiting`;
      await expect.poll(async () => (await database.pool.query(kill)).rows.length).toBe(1);
      await cut;
    });
    expect((await connection.ledger.record({ ...batch, events })).outcomes).toEqual(['recorded']);
  });

  ledgerTest('a server that is not there is unavailable', async ({ database }) => {
    const url = new URL(database.url);
    url.port = '1';
    await expect(open(url.href)).rejects.toThrow(LedgerUnavailable);
  });
});

describe('the counters table', () => {
  ledgerTest("a row's version grows even when the clock went back", async ({ connection, database }) => {
    const events = () => [eventOn([monthly('customer:ann')])];
    await connection.ledger.record({ ...batch, events: events() });
    await database.pool.query('UPDATE spendgate.counters SET version = 9000000000000000');
    const { counters } = await connection.ledger.record({ ...batch, events: events() });
    expect(counters[0]?.version).toBe(9_000_000_000_000_001);
  });

  ledgerTest('takes almost all updates inside their page', async ({ connection, database }) => {
    const events = () => [
      eventOn([monthly('customer:ann'), { subject: 'global:proxy', period: 'none', periodEnd: null }]),
    ];
    for (let round = 0; round < 300; round += 1)
      await connection.ledger.record({ ...batch, events: events() });
    await connection.close();
    await expect
      .poll(
        async () => {
          const { rows } = await database.pool.query(
            `SELECT n_tup_upd::int AS updates, (n_tup_hot_upd / greatest(n_tup_upd, 1)::float8) > 0.95 AS hot
           FROM pg_stat_user_tables WHERE relname = 'counters'`,
          );
          return rows;
        },
        { timeout: 10_000 },
      )
      .toEqual([{ updates: 598, hot: true }]);
  });
});

describe('what is told of a failed insert', () => {
  ledgerTest('names the constraint, and nothing of the row', async ({ connection, database }) => {
    await database.pool.query(
      `ALTER TABLE spendgate.spend_events ADD CONSTRAINT no_secret CHECK (end_user <> 'secret@company.com')`,
    );
    const event = eventOn([monthly('customer:ann')], { id: 'secret-id', endUser: 'secret@company.com' });
    const failure: unknown = await connection.ledger
      .record({ ...batch, events: [event] })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(LedgerRefusedData);
    expect(failure).toMatchObject({ cause: { code: '23514', constraint: 'no_secret' } });
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('secret@');
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('secret-id');
  });
});
