import { InvariantBroken } from '@spendgate/domain';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { z } from 'zod';
import { MIGRATIONS_FOLDER, readMigrations } from './migration-files.ts';
import type { MigrationFile } from './migration-files.ts';
import { translateFailure } from './translate-failure.ts';

export interface MigrateSettings {
  readonly databaseUrl: string;
  readonly log?: (line: string) => void;
  /** Where the SQL files are; the package's own unless a test says otherwise. */
  readonly folder?: string;
}

export interface Migrated {
  /** Names of the migrations this run applied, in order; empty when the schema was current. */
  readonly applied: readonly string[];
}

/** Half of the key of the lock that migrations hold; the other half is the number of purposes it has. */
const MIGRATION_LOCK = '1397770068, 3';
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Brings the schema up to date. Safe to repeat and to run side by side: one run waits for the other.
 * @throws InvariantBroken when a migration that was applied has been edited since. @throws LedgerUnavailable
 */
export async function migrate(settings: MigrateSettings): Promise<Migrated> {
  const folder = settings.folder ?? MIGRATIONS_FOLDER;
  const files = await readMigrations(folder);
  const client = new pg.Client({
    connectionString: settings.databaseUrl,
    application_name: 'spendgate-migrate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
    await checkChecksums(client, files);
    const applied = await runner({
      dbClient: client,
      dir: folder,
      direction: 'up',
      migrationsTable: 'migrations',
      migrationsSchema: 'spendgate',
      createMigrationsSchema: true,
      checkOrder: true,
      singleTransaction: true,
      noLock: true,
      log: settings.log ?? (() => undefined),
    });
    return { applied: applied.map(({ name }) => name) };
  } catch (cause) {
    throw translateFailure(cause);
  } finally {
    // Closing the session frees the lock.
    await client.end();
  }
}

const checksumRow = z.object({ name: z.string(), checksum: z.string() });

/**
 * Compares applied migrations with their files, and notes the checksums of those about to be applied. They are
 * noted first, so that a run that dies in between leaves no migration without one.
 */
async function checkChecksums(client: pg.Client, files: readonly MigrationFile[]): Promise<void> {
  await client.query('CREATE SCHEMA IF NOT EXISTS spendgate');
  await client.query(
    'CREATE TABLE IF NOT EXISTS spendgate.migration_checksums (name text PRIMARY KEY, checksum text NOT NULL)',
  );
  const found = await client.query(
    `SELECT name, checksum FROM spendgate.migration_checksums WHERE name IN (${await appliedNames(client)})`,
  );
  const applied = new Map(
    found.rows.map((row) => checksumRow.parse(row)).map((row) => [row.name, row.checksum]),
  );
  for (const file of files) {
    const checksum = applied.get(file.name);
    if (checksum !== undefined && checksum !== file.checksum) {
      throw new InvariantBroken(
        `migration ${file.name} was applied, and edited since: undo the edit and write a new migration`,
      );
    }
    await client.query(
      `INSERT INTO spendgate.migration_checksums (name, checksum) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum`,
      [file.name, file.checksum],
    );
  }
}

/** The query for the names applied; none before the first run has made the table. */
async function appliedNames(client: pg.Client): Promise<string> {
  const { rows } = await client.query(`SELECT to_regclass('spendgate.migrations') IS NOT NULL AS exists`);
  return z.array(z.object({ exists: z.boolean() })).parse(rows)[0]?.exists === true
    ? 'SELECT name FROM spendgate.migrations'
    : 'NULL';
}
