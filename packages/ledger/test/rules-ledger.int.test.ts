import { budget } from '@spendgate/testkit';
import { expect } from 'vitest';
import { ledgerTest } from './ledger-test.ts';

ledgerTest('versions follow each other, and the newest is found', async ({ connection }) => {
  expect(await connection.rules.find()).toBeUndefined();
  expect(await connection.rules.publish({ expected: 0, toText: (version) => `rules ${version}` })).toEqual({
    version: 1,
    text: 'rules 1',
  });
  await connection.rules.publish({ expected: 1, toText: (version) => `rules ${version}` });
  expect(await connection.rules.find()).toEqual({ version: 2, text: 'rules 2' });
  expect((await connection.counterSource.snapshot()).rulesVersion).toBe(2);
});

ledgerTest('of several publishers that expect the same version one succeeds', async ({ connection }) => {
  const published = await Promise.all(
    Array.from({ length: 6 }, async (_, index) =>
      connection.rules.publish({ expected: 0, toText: () => `by ${index}` }),
    ),
  );
  const winners = published.filter((rules) => rules !== undefined);
  expect(winners).toHaveLength(1);
  expect(await connection.rules.find()).toEqual(winners[0]);
});

ledgerTest('keeps a bounded history', async ({ connection, database }) => {
  await database.pool.query(
    `INSERT INTO spendgate.published_rules (version, rules) SELECT n, '' FROM generate_series(1, 300) n`,
  );
  await connection.rules.publish({ expected: 300, toText: String });
  const { rows } = await database.pool.query(
    'SELECT min(version)::int, max(version)::int FROM spendgate.published_rules',
  );
  expect(rows).toEqual([{ min: 202, max: 301 }]);
});

ledgerTest(
  "the file's budgets replace what the file defined before, and nothing else",
  async ({ connection, database }) => {
    await database.pool.query(
      `INSERT INTO spendgate.budgets (budget_id, origin, name) VALUES ('by-api', 'api', 'A'), ('assigned', 'file', 'B'), ('gone', 'file', 'C');
     INSERT INTO spendgate.budget_assignments (subject, budget_id, origin) VALUES ('customer:a', 'assigned', 'api')`,
    );
    await connection.rules.publish({
      expected: 0,
      toText: String,
      fileBudgets: [budget({ budgetId: 'new', rpmLimit: 3 })],
    });
    const { rows } = await database.pool.query(
      'SELECT budget_id, origin, max_nano_usd, rpm_limit FROM spendgate.budgets ORDER BY 1',
    );
    expect(rows).toEqual([
      { budget_id: 'assigned', origin: 'file', max_nano_usd: null, rpm_limit: null },
      { budget_id: 'by-api', origin: 'api', max_nano_usd: null, rpm_limit: null },
      { budget_id: 'new', origin: 'file', max_nano_usd: '100000000000', rpm_limit: '3' },
    ]);
  },
);

ledgerTest('an empty budgets file leaves no budget of the file', async ({ connection, database }) => {
  await connection.rules.publish({ expected: 0, toText: String, fileBudgets: [budget()] });
  await connection.rules.publish({ expected: 1, toText: String, fileBudgets: [] });
  expect((await database.pool.query('SELECT FROM spendgate.budgets')).rows).toEqual([]);
});
