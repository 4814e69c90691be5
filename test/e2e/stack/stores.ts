import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, startPostgres, startRedis, throwAwayFolder } from '@spendgate/testkit';
import { PINNED_NODE, REPOSITORY, administer, databaseUrl, spawnServer } from '@spendgate/testkit/servers';
import { Redis } from 'ioredis';
import pg from 'pg';
import { inject, test } from 'vitest';
import { openTopic } from './topic.ts';
import type { Topic } from './topic.ts';

export interface Stores {
  /** A migrated database of this file's own. */
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  readonly redisUrl: string;
  readonly redis: Redis;
  /** Ends Redis as an operator would; what it had written stays on disk. */
  stopRedis(): Promise<void>;
  startRedis(): Promise<void>;
}

type OnCleanup = (cleanup: () => Promise<void>) => void;

/** Gives the tests of a file one set of stores: a database cloned from the template, and a Redis server. */
export const stackTest = test.extend('stores', { scope: 'file' }, async ({}, { onCleanup }) =>
  openStores(onCleanup),
);

/** The same with a PostgreSQL server of the file's own, to be stopped. */
export const ownServersTest = test
  .extend('postgres', { scope: 'file' }, async ({}, { onCleanup }) => {
    const options = { dataDir: join(throwAwayFolder(), 'postgres'), port: await freePort() };
    let server = await startPostgres(options);
    onCleanup(async () => server.stop());
    await migrated(server.url);
    return {
      url: server.url,
      stop: async () => server.stop(),
      start: async () => {
        server = await startPostgres(options);
      },
    };
  })
  .extend('stores', { scope: 'file' }, async ({ postgres }, { onCleanup }) => {
    const undo = createUndo(onCleanup);
    return { ...openPool(postgres.url, undo), ...(await openRedis(undo)) } satisfies Stores;
  });

/** The same with a topic and a consumer group of the file's own; left out (and counted) by SKIP_KAFKA=1. */
export const kafkaStackTest = stackTest
  .extend('lazyTopic', { scope: 'file' }, ({}, { onCleanup }) => {
    let opened: Promise<Topic> | undefined;
    onCleanup(async () => (await opened)?.close());
    return { open: async () => (opened ??= openTopic(await address('kafka'))) };
  })
  .extend('topic', async ({ lazyTopic, skip }) => {
    if (process.env['SKIP_KAFKA'] === '1') skip('SKIP_KAFKA=1');
    return lazyTopic.open();
  });

async function openStores(onCleanup: OnCleanup): Promise<Stores> {
  const undo = createUndo(onCleanup);
  return { ...(await openDatabase(undo)), ...(await openRedis(undo)) };
}

/** Fixtures take one clean-up each; this one does several, last first. */
function createUndo(onCleanup: OnCleanup): OnCleanup {
  const undo: (() => Promise<void>)[] = [];
  onCleanup(async () => {
    for (const next of undo.toReversed()) await next();
  });
  return (next) => void undo.push(next);
}

async function address(service: 'postgres' | 'template' | 'kafka'): Promise<string> {
  const answer = await fetch(`${inject('spendgateServices')}/${service}`, {
    signal: AbortSignal.timeout(170_000),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`The tests' ${service} is not there: ${text}`);
  return text;
}

async function openDatabase(onClose: OnCleanup): Promise<Pick<Stores, 'databaseUrl' | 'pool'>> {
  const [adminUrl, template] = await Promise.all([address('postgres'), address('template')]);
  const name = `spendgate_e2e_${randomBytes(8).toString('hex')}`;
  await administer(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  onClose(async () => administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return openPool(databaseUrl(adminUrl, name), onClose);
}

function openPool(url: string, onClose: OnCleanup): Pick<Stores, 'databaseUrl' | 'pool'> {
  const pool = new pg.Pool({ connectionString: url, max: 6 });
  pool.on('error', () => undefined);
  onClose(async () => pool.end());
  return { databaseUrl: url, pool };
}

/** As an operator migrates: in a process of its own. */
async function migrated(url: string): Promise<void> {
  const args = ['--conditions=@spendgate/source', join(REPOSITORY, 'scripts', 'migrate.ts')];
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], DATABASE_URL: url };
  const migration = await spawnServer({ command: PINNED_NODE, args, env, cwd: REPOSITORY });
  const { code } = await migration.exited;
  if (code !== 0) throw new Error(`The migrations failed:\n${migration.output()}`);
}

/** A server and not only a database of one: tests empty it whole, and stop it. */
async function openRedis(
  onClose: OnCleanup,
): Promise<Pick<Stores, 'redisUrl' | 'redis' | 'stopRedis' | 'startRedis'>> {
  const options = { dataDir: join(throwAwayFolder(), 'redis'), port: await freePort() };
  let server = await startRedis(options);
  // Protocol 2, for ioredis' MONITOR fails with 3.
  const redis = new Redis(server.url, { protocol: 2, maxRetriesPerRequest: 1, retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  onClose(async () => {
    redis.disconnect();
    await server.stop();
  });
  return {
    redisUrl: server.url,
    redis,
    stopRedis: () => server.stop(),
    startRedis: async () => {
      server = await startRedis(options);
    },
  };
}
