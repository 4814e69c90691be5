import { SchemaOutdated } from '@spendgate/domain';
import { z } from 'zod';
import { MIGRATIONS_FOLDER, readMigrations } from './migration-files.ts';
import type { SessionPool } from './session-pool.ts';

const versionRow = z.object({ version: z.int() });

/** The number of the newest migration applied; 0 for an empty database. */
export async function readSchemaVersion(sessions: SessionPool): Promise<number> {
  try {
    const { version } = await sessions.row(versionRow, {
      text: `SELECT coalesce(max(substr(name, 1, 4)::integer), 0) AS version FROM spendgate.migrations`,
    });
    return version;
  } catch (error) {
    if (error instanceof SchemaOutdated) return 0;
    throw error;
  }
}

/** A newer schema is fine: migrations only add until no running build needs what they remove. */
export async function assertSchemaCurrent(sessions: SessionPool): Promise<void> {
  const needed = Math.max(0, ...(await readMigrations(MIGRATIONS_FOLDER)).map(({ number }) => number));
  const version = await readSchemaVersion(sessions);
  if (version < needed) {
    throw new SchemaOutdated(
      `the schema is at migration ${version}, this build needs ${needed}: run npm run migrate`,
    );
  }
}
