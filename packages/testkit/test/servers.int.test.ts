import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { claimEmptyRedis } from '../src/claim-empty-redis.ts';
import { redisTest, startPostgres, startRedis, throwAwayFolder, waitFor } from '../src/index.ts';
import { isPortFree } from '../src/free-port.ts';
import { PINNED_NODE, REPOSITORY, bareEnvironment } from '../src/repository.ts';
import { spawnServer } from '../src/spawn-server.ts';

it('keeps PostgreSQL’s data from one start to the next', async () => {
  const dataDir = join(throwAwayFolder(), 'postgres');
  const first = await startPostgres({ dataDir });
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();
  const second = await startPostgres({ dataDir });
  onTestFinished(() => second.stop());
  expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
});

it('refuses data that another server uses, and names it', async () => {
  const dataDir = join(throwAwayFolder(), 'postgres');
  const first = await startPostgres({ dataDir });
  onTestFinished(() => first.stop());
  await expect(startPostgres({ dataDir })).rejects.toThrow(/in use by process \d+/);
});

it('goes elsewhere, and says where, when PostgreSQL may not enter the folder', async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('only root lends PostgreSQL another account');
  const closed = mkdtempSync(join(tmpdir(), 'spendgate-closed-'));
  const dataDir = join(closed, 'data');
  mkdirSync(dataDir);
  const said: string[] = [];
  const server = await startPostgres({ dataDir, throwAway: true, say: (line) => said.push(line) });
  onTestFinished(async () => {
    await server.stop();
    rmSync(closed, { recursive: true, force: true });
  });
  expect(said.join('\n')).toMatch(/cannot enter .*data goes to \/var\/tmp\/spendgate-[0-9a-f]{12}\/postgres/);
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

it('lets nobody in without the password', async () => {
  const server = await startRedis({ dataDir: join(throwAwayFolder(), 'redis'), throwAway: true });
  onTestFinished(() => server.stop());
  const url = new URL(server.url);
  url.password = '';
  const redis = new Redis(url.href, {
    lazyConnect: true,
    retryStrategy: () => null,
    enableReadyCheck: false,
  });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  await expect(redis.connect().then(() => redis.ping())).rejects.toThrow(/NOAUTH|closed/);
});

it('ends what was started when its process is killed', async () => {
  const dataDir = join(throwAwayFolder(), 'redis');
  const program = `
    import { startRedis } from '@spendgate/testkit/servers';
    const server = await startRedis({ dataDir: ${JSON.stringify(dataDir)}, throwAway: true });
    console.log('port=' + new URL(server.url).port);
    setInterval(() => {}, 1000);`;
  const starter = await spawnServer({
    command: PINNED_NODE,
    args: ['--conditions=@spendgate/source', '--input-type=module', '--eval', program],
    env: bareEnvironment(),
    cwd: join(REPOSITORY, 'packages', 'testkit'),
  });
  const port = await waitFor(() => starter.output().match(/port=(\d+)/)?.[1], {
    what: 'its Redis',
    timeoutMs: 20_000,
  });
  expect(await isPortFree(Number(port))).toBe(false);
  starter.signal('SIGKILL');
  await waitFor(() => isPortFree(Number(port)), { what: 'its Redis to end' });
});

redisTest('claims only an empty database of somebody’s Redis', async ({ redis, redisUrl }) => {
  await redis.set('theirs', '1');
  const claimed = await claimEmptyRedis(redisUrl);
  expect(claimed.url).not.toBe(redisUrl);
  await claimed.empty();
  expect(await redis.get('theirs')).toBe('1');
});

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}
