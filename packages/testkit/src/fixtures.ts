import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { inject, test } from 'vitest';
import { administer, databaseUrl } from './administer.ts';
import type { TestService } from './test-services.ts';

export interface TestDatabase {
  /** An own, migrated, empty database; gone after the test. */
  readonly url: string;
  readonly pool: pg.Pool;
}

async function address(service: TestService): Promise<string> {
  const answer = await fetch(`${inject('spendgateServices')}/${service}`, {
    signal: AbortSignal.timeout(300_000),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`The tests' ${service} is not there: ${text}`);
  return text;
}

interface Cleanup {
  readonly onCleanup: (cleanup: () => Promise<void>) => void;
}

async function openDatabase({ onCleanup }: Cleanup): Promise<TestDatabase> {
  const adminUrl = await address('postgres');
  const template = await address('template');
  const name = `spendgate_test_${randomBytes(8).toString('hex')}`;
  await administer(adminUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = databaseUrl(adminUrl, name);
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  pool.on('error', () => undefined);
  onCleanup(async () => {
    await pool.end();
    await administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
  return { url, pool };
}

/** This worker's own Redis database: tests of one worker run one after the other. */
async function ownRedisUrl(): Promise<string> {
  const url = new URL(await address('redis'));
  const worker = Number.parseInt(process.env['VITEST_POOL_ID'] ?? '1', 10);
  url.pathname = `/${worker % 64}`;
  return url.href;
}

async function openRedis({ onCleanup }: Cleanup): Promise<Redis> {
  const redis = new Redis(await ownRedisUrl(), { lazyConnect: true, maxRetriesPerRequest: 2 });
  redis.on('error', () => undefined);
  await redis.connect();
  await redis.flushdb();
  onCleanup(async () => {
    await redis.flushdb().catch(() => undefined);
    redis.disconnect();
  });
  return redis;
}

/** Gives a test `database: { url, pool }`: an own database cloned from a migrated template. */
export const pgTest = test.extend('database', async ({}, { onCleanup }) => await openDatabase({ onCleanup }));

/** Gives a test `redis` (ioredis) and `redisUrl`: an own Redis database, empty at its start. */
export const redisTest = test
  .extend('redis', async ({}, { onCleanup }) => await openRedis({ onCleanup }))
  .extend('redisUrl', async ({ redis }) => await urlOf(redis));

/** Gives a test `database`, `redis` and `redisUrl`. */
export const storesTest = pgTest
  .extend('redis', async ({}, { onCleanup }) => await openRedis({ onCleanup }))
  .extend('redisUrl', async ({ redis }) => await urlOf(redis));

/**
 * Gives a test `kafkaBrokers` and a `topicName` of its own, besides the stores. SKIP_KAFKA=1 leaves these tests out,
 * and the run's closing line counts them as skipped.
 */
export const kafkaTest = storesTest
  .extend('kafkaBrokers', async ({ skip }) => {
    if (process.env['SKIP_KAFKA'] === '1') skip('SKIP_KAFKA=1');
    return await address('kafka');
  })
  .extend('topicName', () => `test-${randomBytes(8).toString('hex')}`);

// Asked through the client, so that whoever takes the URL has had the database emptied.
async function urlOf(redis: Redis): Promise<string> {
  await redis.ping();
  return await ownRedisUrl();
}
