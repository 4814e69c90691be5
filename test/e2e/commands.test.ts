import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, isPortFree, storesTest, waitFor } from '@spendgate/testkit';
import { PINNED_NODE, REPOSITORY, spawnServer } from '@spendgate/testkit/servers';
import type { ServerProcess } from '@spendgate/testkit/servers';
import { expect } from 'vitest';
import { runOperatorCommand } from './stack/operator-command.ts';

interface Command {
  readonly process: ServerProcess;
  readonly ports: readonly number[];
}

/** A command as `npm run` starts it, on ports of its own and on stores that run already. */
async function run(of: {
  readonly script: string;
  readonly args?: readonly string[];
  readonly databaseUrl: string;
  readonly redisUrl: string;
}): Promise<Command> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const [ingest, enforcer, jobs] = ports.map(String);
  const process_ = await spawnServer({
    command: PINNED_NODE,
    args: [join(REPOSITORY, 'scripts', 'bootstrap.mjs'), of.script, ...(of.args ?? [])],
    cwd: REPOSITORY,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATABASE_URL: of.databaseUrl,
      REDIS_URL: of.redisUrl,
      INGEST_PORT: ingest,
      ENFORCER_PORT: enforcer,
      JOBS_PORT: jobs,
    },
  });
  return { process: process_, ports };
}

async function expectNothingRuns(ports: readonly number[]): Promise<void> {
  for (const port of ports) expect(await isPortFree(port), `port ${port}`).toBe(true);
}

storesTest('the demo holds every step, and leaves nothing behind', async ({ database, redis, redisUrl }) => {
  await redis.set('theirs', 'untouched');
  const demo = await run({
    script: 'scripts/demo.ts',
    args: ['--once'],
    databaseUrl: database.url,
    redisUrl,
  });
  const { code } = await demo.process.exited;
  expect(code, demo.process.output()).toBe(0);
  expect(demo.process.output()).toContain('All 8 steps held');
  await expectNothingRuns(demo.ports);
  // In stores that belong to somebody it works beside what is there.
  expect(await redis.keys('*')).toEqual(['theirs']);
  const { rows } = await database.pool.query(
    `SELECT datname FROM pg_database WHERE datname LIKE 'spendgate_demo%'`,
  );
  expect(rows).toEqual([]);
  const { rows: events } = await database.pool.query('SELECT id FROM spendgate.event_ids LIMIT 1');
  expect(events).toEqual([]);
});

storesTest(
  'npm start says how to connect, and stops all when interrupted',
  async ({ database, redisUrl }) => {
    const start = await run({ script: 'scripts/start.ts', databaseUrl: database.url, redisUrl });
    const output = (): string => start.process.output();
    await waitFor(() => output().includes('Ctrl-C stops everything') || start.process.hasExited(), {
      what: 'npm start to be ready',
      timeoutMs: 60_000,
    });
    expect(output()).toContain('callback_type: generic_api');
    const [, enforcer] = start.ports;
    const check = await fetch(
      `http://127.0.0.1:${enforcer}/v1/check?end_user=john@company.com&model=gpt-4o-mini`,
      {
        headers: { Authorization: 'Bearer dev-check-token' },
      },
    );
    expect(await check.json()).toMatchObject({
      allowed: true,
      enforced: true,
      degraded: false,
      category: 'platform',
    });
    // An operator's command finds the stores by itself while it runs, and not afterwards.
    const rebuild = await runOperatorCommand({ script: 'rebuild' });
    expect(rebuild.output).toContain('the one of the running npm start');
    expect(rebuild.output).toContain('whole again');
    expect(rebuild.code).toBe(0);
    start.process.signal('SIGINT');
    expect(await start.process.exited).toEqual({ code: 0, signal: null });
    await expectNothingRuns(start.ports);
    const late = await runOperatorCommand({ script: 'rebuild' });
    expect(late.output).toContain('Set DATABASE_URL');
    expect(late.code).toBe(1);
  },
);

storesTest(
  'npm start ends, and says so, when one of its services dies',
  async ({ database, redisUrl, skip }) => {
    if (!existsSync('/proc/self/environ')) skip('finds the service through /proc');
    const start = await run({ script: 'scripts/start.ts', databaseUrl: database.url, redisUrl });
    await waitFor(() => start.process.output().includes('Ctrl-C stops everything'), {
      what: 'npm start to be ready',
      timeoutMs: 60_000,
    });
    process.kill(listener(start.ports[2] ?? 0), 'SIGKILL');
    const { code } = await start.process.exited;
    expect(code).toBe(1);
    expect(start.process.output()).toContain('jobs ended by itself (SIGKILL)');
    await expectNothingRuns(start.ports);
  },
);

/** The process whose environment says that it listens on this port. */
function listener(port: number): number {
  const found = readdirSync('/proc').find((entry) => {
    try {
      return readFileSync(join('/proc', entry, 'environ'), 'utf8')
        .split('\0')
        .includes(`PORT=${port}`);
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`Nothing has PORT=${port}.`);
  return Number(found);
}
