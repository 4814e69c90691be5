import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Beside `src` and `dist`, so one relative path finds it from both. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../migrations', import.meta.url));

export interface MigrationFile {
  /** Without its ending, as the migrations table holds it. */
  readonly name: string;
  readonly number: number;
  /** SHA-256 of the text with line ends as `\n`, in hex. */
  readonly checksum: string;
}

/** The migrations this build knows, in order. */
export async function readMigrations(folder: string): Promise<readonly MigrationFile[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}_\w+\.sql$/.test(file)).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const text = (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n');
      return {
        name: file.slice(0, -'.sql'.length),
        number: Number(file.slice(0, 4)),
        checksum: createHash('sha256').update(text).digest('hex'),
      };
    }),
  );
}
