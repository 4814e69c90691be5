import { join } from 'node:path';
import { connectLedger } from '@spendgate/ledger';
import {
  attributedEvent,
  freePort,
  startRedis,
  startService,
  storesTest,
  throwAwayFolder,
  waitFor,
} from '@spendgate/testkit';
import type { RunningService } from '@spendgate/testkit';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, onTestFinished } from 'vitest';

async function startJobs(of: {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}): Promise<RunningService> {
  const service = await startService('jobs', {
    env: {
      DATABASE_URL: of.databaseUrl,
      REDIS_URL: of.redisUrl,
      READ_TOKENS: 'test:read-token-of-this-test',
      SWEEP_INTERVAL_MS: '200',
      // Else the walk would bring to Redis what a sweep does not.
      WALK_INTERVAL_MS: '600000',
    },
  });
  onTestFinished(async () => void (await service.stop()));
  return service;
}

/** Spends on a customer nobody has seen, behind the back of every pusher, so that only a sweep can show it. */
async function spend(of: { readonly databaseUrl: string; readonly customer: string }): Promise<void> {
  const ledger = await connectLedger({
    databaseUrl: of.databaseUrl,
    applicationName: 'jobs-test',
    maxConnections: 1,
    statementTimeoutMs: 10_000,
  });
  const rulesVersion = (await ledger.rules.find())?.version ?? 0;
  const event = attributedEvent({ event: { startedAt: new Date(), endUser: of.customer } });
  await ledger.ledger.record({ rulesVersion, stripe: 0, events: [event] });
  await ledger.close();
}

async function waitForSweep(redis: Redis, customer: string, timeoutMs: number): Promise<void> {
  await waitFor(async () => (await redis.keys(`sg:{b0}:e*:customer:${customer}`)).length > 0, {
    what: `a sweep to bring ${customer} to Redis`,
    timeoutMs,
  });
}

const isReady = async (service: RunningService): Promise<boolean> =>
  (await fetch(`${service.url}/readyz`)).ok;

storesTest('goes on when Redis comes back after a restart', async ({ database }) => {
  const options = { dataDir: join(throwAwayFolder(), 'redis'), port: await freePort() };
  const before = await startRedis(options);
  const service = await startJobs({ databaseUrl: database.url, redisUrl: before.url });
  await before.stop();
  await waitFor(async () => !(await isReady(service)), { what: 'the service to be not ready' });

  const after = await startRedis(options);
  onTestFinished(async () => after.stop());
  await spend({ databaseUrl: database.url, customer: 'after-restart' });

  const redis = new Redis(after.url);
  onTestFinished(() => redis.disconnect());
  await waitForSweep(redis, 'after-restart', 15_000);
  await waitFor(async () => isReady(service), { what: 'the service to be ready', timeoutMs: 15_000 });
});

storesTest('ends with exit code 0 while Redis is away', async ({ database }) => {
  const options = { dataDir: join(throwAwayFolder(), 'redis'), throwAway: true };
  const server = await startRedis(options);
  const service = await startJobs({ databaseUrl: database.url, redisUrl: server.url });
  await server.stop();
  await waitFor(async () => !(await isReady(service)), { what: 'the service to be not ready' });
  expect((await service.kill('SIGTERM')).code).toBe(0);
});

storesTest(
  'goes on when PostgreSQL comes back, and logs its absence once',
  async ({ database, redis, redisUrl }) => {
    const service = await startJobs({ databaseUrl: database.url, redisUrl });
    const name = new URL(database.url).pathname.slice(1);
    const adminUrl = new URL(database.url);
    adminUrl.pathname = '/postgres';
    const admin = new pg.Client({ connectionString: adminUrl.href });
    await admin.connect();
    onTestFinished(async () => admin.end());
    const failures = async (): Promise<number> => {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      return Number(/job_runs_total\{job="sweep",outcome="failure",.*\} (\d+)/u.exec(text)?.[1] ?? 0);
    };

    await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    await waitFor(async () => (await failures()) >= 5, { what: 'some failed sweeps', timeoutMs: 30_000 });
    expect(await isReady(service)).toBe(false);
    await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);

    await waitFor(async () => isReady(service), { what: 'the service to be ready', timeoutMs: 15_000 });
    await spend({ databaseUrl: database.url, customer: 'after-absence' });
    await waitForSweep(redis, 'after-absence', 10_000);
    const records = (message: string): number =>
      service
        .output()
        .split('\n')
        .filter((line) => line.includes('"job":"sweep"') && line.includes(message)).length;
    await waitFor(() => records('the job works again') > 0, { what: 'the record of the recovery' });
    // Two: connections that break are one failure, connections that are refused another.
    expect(records('the job failed')).toBeLessThanOrEqual(2);
  },
);

storesTest('takes up a run that a dead instance left behind', async ({ database, redis, redisUrl }) => {
  await startJobs({ databaseUrl: database.url, redisUrl });
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const dead = new Worker(
    'sweep',
    async () => {
      take();
      await new Promise(() => {});
    },
    {
      connection: { url: redisUrl, maxRetriesPerRequest: null },
      prefix: '{bull}',
      lockDuration: 10_000,
      skipStalledCheck: true,
    },
  );
  dead.on('error', () => undefined);
  await taken;
  await dead.disconnect();

  await spend({ databaseUrl: database.url, customer: 'after-death' });

  await waitForSweep(redis, 'after-death', 30_000);
});
