import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SchemaOutdated } from '@spendgate/domain';
import { migrate } from '@spendgate/ledger';
import { pgTest } from '@spendgate/testkit';
import { expect } from 'vitest';
import { open } from './ledger-test.ts';

const OURS = new URL('../migrations', import.meta.url).pathname;

/** A copy of the migrations that a test may spoil. */
const migrationTest = pgTest.extend('folder', async ({}, { onCleanup }) => {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  onCleanup(() => rm(folder, { recursive: true }));
  await cp(OURS, folder, { recursive: true });
  return folder;
});

migrationTest('migrating again changes nothing', async ({ database }) => {
  expect(await migrate({ databaseUrl: database.url })).toEqual({ applied: [] });
});

migrationTest('several runs at once apply each migration once', async ({ database }) => {
  await database.pool.query('DROP SCHEMA spendgate CASCADE');
  const runs = await Promise.all([1, 2, 3].map(async () => migrate({ databaseUrl: database.url })));
  expect(runs.map(({ applied }) => applied.length).filter((count) => count > 0)).toEqual([3]);
});

migrationTest('an edited migration is refused by name', async ({ database, folder }) => {
  await appendFile(join(folder, '0001_create_tables.sql'), '\n-- edited');
  await expect(migrate({ databaseUrl: database.url, folder })).rejects.toThrow(/0001_create_tables.*edited/);
});

migrationTest('line ends do not count as an edit', async ({ database, folder }) => {
  const file = join(folder, '0001_create_tables.sql');
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll('\n', '\r\n'));
  expect(await migrate({ databaseUrl: database.url, folder })).toEqual({ applied: [] });
});

migrationTest(
  'a migration that fails leaves nothing of itself, and may then be corrected',
  async ({ database, folder }) => {
    const file = join(folder, '0999_next.sql');
    await writeFile(file, 'CREATE TABLE spendgate.half (); SELECT 1 / 0;');
    await expect(migrate({ databaseUrl: database.url, folder })).rejects.toThrow();
    await writeFile(file, 'CREATE TABLE spendgate.half ();');
    expect(await migrate({ databaseUrl: database.url, folder })).toEqual({ applied: ['0999_next'] });
  },
);

migrationTest(
  'a schema older than the build is refused, and an empty database has version 0',
  async ({ database }) => {
    const connection = await open(database.url, 1);
    await connection.assertSchemaCurrent();
    await database.pool.query(`DELETE FROM spendgate.migrations WHERE name >= '0002'`);
    expect(await connection.schemaVersion()).toBe(1);
    await expect(connection.assertSchemaCurrent()).rejects.toThrow(SchemaOutdated);
    await database.pool.query('DROP SCHEMA spendgate CASCADE');
    expect(await connection.schemaVersion()).toBe(0);
    await expect(connection.assertSchemaCurrent()).rejects.toThrow(SchemaOutdated);
    await connection.close();
  },
);

migrationTest('every table and every column says what it is', async ({ database }) => {
  const { rows } = await database.pool.query(
    `SELECT c.relname || '.' || a.attname AS column FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'spendgate'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname NOT LIKE '%migration%' AND a.attnum > 0 AND NOT a.attisdropped
       AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)`,
  );
  expect(rows).toEqual([]);
});
