import type { CounterKey, CounterValue } from '@spendgate/application';
import { describe, expect } from 'vitest';
import { besideTransaction, ended, eventOn, ledgerTest, monthly, open } from './ledger-test.ts';

const batch = { rulesVersion: 0, stripe: 0 };

/** Every key that pages of the size give, in their order. */
async function walk(
  page: (of: {
    readonly after: CounterKey | null;
    readonly limit: number;
  }) => Promise<readonly CounterValue[]>,
): Promise<readonly string[]> {
  const keys: string[] = [];
  let after: CounterKey | null = null;
  for (;;) {
    const rows: readonly CounterValue[] = await page({ after, limit: 3 });
    keys.push(...rows.map(({ subject, stripe }) => `${subject}/${stripe}`));
    const last = rows.at(-1);
    if (last === undefined) return keys;
    after = last;
  }
}

describe('reading counters', () => {
  ledgerTest('pages through all open rows in the order of their bytes', async ({ connection }) => {
    const subjects = ['team:b', 'team:B', 'customer:é', 'customer:z', 'key:1', 'key:1/x', 'team:\u{1F600}'];
    for (const stripe of [0, 2]) {
      await connection.ledger.record({ ...batch, stripe, events: [eventOn(subjects.map(monthly))] });
    }
    await connection.ledger.record({ ...batch, events: [eventOn([ended('team:gone')])] });
    const expected = subjects
      .toSorted((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
      .flatMap((subject) =>
        subject.startsWith('customer:') ? [`${subject}/0`] : [`${subject}/0`, `${subject}/2`],
      );
    expect(await walk((of) => connection.counterSource.openPage(of))).toEqual(expected);
  });

  ledgerTest('leaves out retired rows and periods that ended', async ({ connection, database }) => {
    const charges = [monthly('customer:a'), monthly('customer:retired'), ended('customer:a')];
    await connection.ledger.record({ ...batch, events: [eventOn(charges)] });
    await database.pool.query(
      `UPDATE spendgate.counters SET retired = true WHERE subject = 'customer:retired'`,
    );
    const rows = await connection.counterSource.openPage({ after: null, limit: 10 });
    expect(rows).toMatchObject([{ ...monthly('customer:a'), stripe: 0, spentNanoUsd: 10_000_000n }]);
  });

  ledgerTest('names what changed at or after a cursor, all stripes of it', async ({ connection }) => {
    const source = connection.counterSource;
    await connection.ledger.record({ ...batch, events: [eventOn([monthly('team:a'), monthly('team:b')])] });
    const { cursor } = await source.snapshot();
    await connection.ledger.record({ ...batch, stripe: 4, events: [eventOn([monthly('team:b')])] });
    await connection.ledger.record({
      ...batch,
      stripe: 5,
      events: [eventOn([monthly('team:b'), monthly('team:c')])],
    });
    const changed = await walk((of) => source.changedSince({ ...of, cursor }));
    expect(changed).toEqual(['team:b/0', 'team:b/4', 'team:b/5', 'team:c/5']);
    expect(
      await source.changedSince({ cursor: (await source.snapshot()).cursor, after: null, limit: 9 }),
    ).toEqual([]);
  });

  ledgerTest('a cursor taken while a batch runs lies before that batch', async ({ connection, database }) => {
    await besideTransaction(database.pool, async (writer) => {
      await writer.query(`SELECT spendgate.apply_charges('{team:slow}', '{none}', '{null}', '{0}', '{7}')`);
      const { cursor } = await connection.counterSource.snapshot();
      const changed = async () => connection.counterSource.changedSince({ cursor, after: null, limit: 9 });
      expect(await changed()).toEqual([]);
      await writer.query('COMMIT');
      expect(await changed()).toMatchObject([{ subject: 'team:slow', spentNanoUsd: 7n }]);
    });
  });

  ledgerTest('a duplicate notes no change', async ({ connection }) => {
    const events = [eventOn([monthly('team:a')])];
    await connection.ledger.record({ ...batch, events });
    const { cursor } = await connection.counterSource.snapshot();
    await connection.ledger.record({ ...batch, events });
    expect(await connection.counterSource.changedSince({ cursor, after: null, limit: 9 })).toEqual([]);
  });

  ledgerTest(
    'a backlog too long to sort is answered with all open rows',
    async ({ connection, database }) => {
      await connection.ledger.record({ ...batch, events: [eventOn([monthly('team:a')])] });
      const { cursor } = await connection.counterSource.snapshot();
      await database.pool.query(
        `INSERT INTO spendgate.counter_changes (size, subjects) VALUES (500001, '{team:x}')`,
      );
      const rows = await connection.counterSource.changedSince({ cursor, after: null, limit: 9 });
      expect(rows.map(({ subject }) => subject)).toEqual(['team:a']);
    },
  );

  ledgerTest('purges changes below a cursor and remembers up to where', async ({ connection }) => {
    const source = connection.counterSource;
    expect((await source.snapshot()).changesFrom).toBe(0n);
    await connection.ledger.record({ ...batch, events: [eventOn([monthly('team:a')])] });
    const { cursor } = await source.snapshot();
    await connection.ledger.record({ ...batch, events: [eventOn([monthly('team:b')])] });
    expect(await source.purgeChanges({ below: cursor })).toBe(1);
    expect(await source.purgeChanges({ below: cursor - 1n })).toBe(0);
    expect((await source.snapshot()).changesFrom).toBe(cursor);
    expect(await source.changedSince({ cursor: 0n, after: null, limit: 9 })).toMatchObject([
      { subject: 'team:b' },
    ]);
  });
});

describe('the epoch', () => {
  ledgerTest('is created by the first confirmation, and kept while nothing changes', async ({ database }) => {
    const source = (await open(database.url, 2)).counterSource;
    expect((await source.snapshot()).epoch).toBe(0);
    const epochs = await Promise.all([1, 2, 3, 4].map(() => source.confirmEpoch({ counterBuckets: 1 })));
    expect(new Set(epochs).size).toBe(1);
    expect(Math.abs((epochs[0] ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  ledgerTest.for([
    ['another system identifier', `UPDATE spendgate.incarnation SET system_identifier = '1'`],
    ['another timeline', `UPDATE spendgate.incarnation SET timeline = '00000009'`],
    ['another oid of the counters table', 'UPDATE spendgate.incarnation SET counters_oid = 1'],
    ['another number of buckets', 'UPDATE spendgate.incarnation SET counter_buckets = 256'],
    [
      'a clock that went back',
      `UPDATE spendgate.incarnation SET epoch = epoch + 1000000000000, timeline = '00000009'`,
    ],
  ] as const)('rises once with %s', async ([, change], { connection, database }) => {
    const source = connection.counterSource;
    await database.pool.query(change);
    const { epoch: before } = await source.snapshot();
    const risen = await Promise.all([1, 2, 3].map(() => source.confirmEpoch({ counterBuckets: 1 })));
    expect(new Set(risen).size).toBe(1);
    expect(risen[0]).toBeGreaterThan(before);
    expect(await source.confirmEpoch({ counterBuckets: 1 })).toBe(risen[0]);
  });

  ledgerTest('stays when the server begins to say what it hid', async ({ connection, database }) => {
    const { epoch } = await connection.counterSource.snapshot();
    await database.pool.query(
      `UPDATE spendgate.incarnation SET system_identifier = 'unknown', timeline = 'unknown'`,
    );
    expect(await connection.counterSource.confirmEpoch({ counterBuckets: 1 })).toBe(epoch);
    const { rows } = await database.pool.query(
      `SELECT system_identifier <> 'unknown' AND timeline <> 'unknown' AS known FROM spendgate.incarnation`,
    );
    expect(rows).toEqual([{ known: true }]);
  });

  ledgerTest('stays when the server hides what identifies it', async ({ connection, database }) => {
    const { epoch } = await connection.counterSource.snapshot();
    const role = `reader_${database.url.slice(-12)}`;
    await database.pool.query(
      `REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_current_wal_lsn() FROM PUBLIC;
       CREATE ROLE ${role} LOGIN PASSWORD '${role}'; GRANT USAGE ON SCHEMA spendgate TO ${role};
       GRANT ALL ON ALL TABLES IN SCHEMA spendgate TO ${role}`,
    );
    const url = new URL(database.url);
    url.username = role;
    url.password = role;
    const hidden = await open(url.href, 1);
    expect(await hidden.counterSource.confirmEpoch({ counterBuckets: 1 })).toBe(epoch);
    await hidden.close();
    await database.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  ledgerTest('rises on command', async ({ connection }) => {
    const { epoch } = await connection.counterSource.snapshot();
    const risen = await connection.counterSource.raiseEpoch();
    expect(risen).toBeGreaterThan(epoch);
    expect((await connection.counterSource.snapshot()).epoch).toBe(risen);
  });

  ledgerTest(
    'a rise forgets changes of transactions this server never had',
    async ({ connection, database }) => {
      await database.pool.query(
        `INSERT INTO spendgate.counter_changes (xid, size, subjects) VALUES ('99999999999999', 1, '{team:x}');
       UPDATE spendgate.incarnation SET system_identifier = '1', changes_from = '99999999999999'`,
      );
      await connection.counterSource.confirmEpoch({ counterBuckets: 1 });
      const { rows } = await database.pool.query('SELECT FROM spendgate.counter_changes');
      expect(rows).toEqual([]);
      expect((await connection.counterSource.snapshot()).changesFrom).toBe(0n);
    },
  );
});
