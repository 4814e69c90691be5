import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeRules } from '@spendgate/config';
import { GLOBAL_SUBJECT, subjectKey } from '@spendgate/domain';
import { connectLedger } from '@spendgate/ledger';
import { attributedEvent, startService, storesTest, waitFor } from '@spendgate/testkit';
import type { RunningService } from '@spendgate/testkit';
import type { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { z } from 'zod';

interface Stores {
  readonly database: { readonly url: string };
  readonly redisUrl: string;
}

const READ_TOKEN = 'read-token-of-this-test';
const jobsReply = z.object({
  jobs: z.array(
    z.object({
      name: z.string(),
      last_run: z.object({ summary: z.record(z.string(), z.unknown()) }).nullable(),
      last_failure: z.object({ reason: z.string() }).nullable(),
    }),
  ),
});

async function startJobs(stores: Stores, env: Record<string, string> = {}): Promise<RunningService> {
  const service = await startService('jobs', {
    env: {
      DATABASE_URL: stores.database.url,
      REDIS_URL: stores.redisUrl,
      READ_TOKENS: `test:${READ_TOKEN}`,
      SWEEP_INTERVAL_MS: '200',
      WALK_INTERVAL_MS: '600000',
      CLOSE_PERIODS_INTERVAL_MS: '300',
      CLOSE_PERIODS_GRACE_MS: '0',
      PUBLISH_RULES_INTERVAL_MS: '500',
      ...env,
    },
  });
  onTestFinished(async () => void (await service.stop()));
  return service;
}

async function openLedger(stores: Stores) {
  const ledger = await connectLedger({
    databaseUrl: stores.database.url,
    applicationName: 'jobs-test',
    maxConnections: 2,
    statementTimeoutMs: 10_000,
  });
  onTestFinished(async () => ledger.close());
  return ledger;
}

async function readJobs(service: RunningService) {
  const reply = await fetch(`${service.url}/v1/jobs`, { headers: { authorization: `Bearer ${READ_TOKEN}` } });
  return jobsReply.parse(await reply.json()).jobs;
}

async function budgetsFile(
  maxBudget: number,
): Promise<{ path: string; write: (max: number) => Promise<void> }> {
  const path = join(await mkdtemp(join(tmpdir(), 'spendgate-jobs-')), 'budgets.yaml');
  const write = async (max: number): Promise<void> =>
    writeFile(
      path,
      `predefined_budgets:
  - budget_id: default
    name: Default
    soft_budget: 1
    max_budget: ${max}
    budget_duration: 30d
    budget_category: platform
`,
    );
  await write(maxBudget);
  return { path, write };
}

/** What Redis says of a field in the current epoch, whatever the epoch is. */
async function fieldsInRedis(redis: Redis, subject: string): Promise<Record<string, string>> {
  const keys = await redis.keys(`sg:{b0}:e*:${subject}`);
  const newest = keys.toSorted().at(-1);
  return newest === undefined ? {} : await redis.hgetall(newest);
}

const GLOBAL = subjectKey(GLOBAL_SUBJECT);

storesTest(
  'brings Redis to where the ledger is, and again after everything in it is lost',
  async ({ database, redis, redisUrl }) => {
    const service = await startJobs({ database, redisUrl });
    const ledger = await openLedger({ database, redisUrl });
    const rules = await ledger.rules.find();
    const event = attributedEvent({ event: { startedAt: new Date(), costNanoUsd: 70_000_000n } });
    await ledger.ledger.record({ rulesVersion: rules?.version ?? 0, stripe: 0, events: [event] });
    const customer = `customer:${event.identity}`;
    const spent = async () =>
      Object.values(await fieldsInRedis(redis, customer))[0]?.split(':')[1] === '70000000';
    await waitFor(spent, { what: 'the counter to be in Redis' });

    await redis.flushdb();

    await waitFor(spent, { what: 'the counter to be back', timeoutMs: 10_000 });
    expect(Object.keys(await fieldsInRedis(redis, GLOBAL))).toHaveLength(1);
    await waitFor(async () => (await fetch(`${service.url}/readyz`)).ok, {
      what: 'the service to be ready again',
    });
    await waitFor(async () => (await redis.keys('{bull}:*:repeat')).length === 5, {
      what: 'all jobs to be planned',
    });
    expect(service.output()).toContain('planned it anew');
  },
);

storesTest(
  'closes a finished period with its sum, drops its field, and revises it after a late event',
  async ({ database, redis, redisUrl }) => {
    await startJobs({ database, redisUrl });
    const ledger = await openLedger({ database, redisUrl });
    const rulesVersion = (await ledger.rules.find())?.version ?? 0;
    const endsAt = Date.now() + 1_500;
    const period = `${endsAt - 30_000}-${endsAt}`;
    const charges = [{ subject: 'customer:eve', period, periodEnd: new Date(endsAt) }];
    const record = async (costNanoUsd: bigint) =>
      ledger.ledger.record({
        rulesVersion,
        stripe: 0,
        events: [attributedEvent({ charges, event: { startedAt: new Date(endsAt - 10_000), costNanoUsd } })],
      });
    const closedSums = async (): Promise<string[]> => {
      const { rows } = await database.pool.query(
        `SELECT spent_nano_usd::text AS spent FROM spendgate.closed_periods WHERE subject = 'customer:eve' ORDER BY revision`,
      );
      return z
        .array(z.object({ spent: z.string() }))
        .parse(rows)
        .map((row) => row.spent);
    };
    await record(5n);
    await waitFor(async () => (await fieldsInRedis(redis, 'customer:eve'))[period] !== undefined, {
      what: 'the open field',
      intervalMs: 10,
    });
    await waitFor(async () => (await closedSums()).length === 1, { what: 'the period to be closed' });
    expect(await closedSums()).toEqual(['5']);
    await waitFor(async () => Object.keys(await fieldsInRedis(redis, 'customer:eve')).length === 0, {
      what: 'the field to be gone',
    });

    await record(2n);

    await waitFor(async () => (await closedSums()).length === 2, { what: 'the new revision' });
    expect(await closedSums()).toEqual(['5', '7']);
  },
);

storesTest(
  'publishes a changed budgets file as a new version, and nothing while it stays the same',
  async ({ database, redis, redisUrl }) => {
    const file = await budgetsFile(100);
    const service = await startJobs(
      { database, redisUrl },
      { BUDGETS_CONFIG: file.path, LLM_PROXY_BUDGET_SYNC_ENABLED: 'true' },
    );
    const ledger = await openLedger({ database, redisUrl });
    const first = await ledger.rules.find();
    const ran = async (times: number): Promise<boolean> => {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      const count = /job_runs_total\{job="publish-rules",outcome="success",.*\} (\d+)/u.exec(text)?.[1];
      return Number(count ?? 0) >= times;
    };
    await waitFor(async () => ran(3), { what: 'some runs' });
    expect((await ledger.rules.find())?.version).toBe(first?.version);

    await file.write(200);

    await waitFor(async () => (await ledger.rules.find())?.version === (first?.version ?? 0) + 1, {
      what: 'a new version',
    });
    const published = await ledger.rules.find();
    expect(decodeRules(published?.text ?? '').catalogue.budgets[0]?.maxNanoUsd).toBe(200_000_000_000n);
    await waitFor(async () => JSON.stringify(await redis.hgetall('sg:rules')).includes('200000000000'), {
      what: 'the new rules in Redis',
    });
  },
);

storesTest(
  'keeps the published rules when the file breaks later, and says so',
  async ({ database, redisUrl }) => {
    const file = await budgetsFile(100);
    const service = await startJobs(
      { database, redisUrl },
      { BUDGETS_CONFIG: file.path, LLM_PROXY_BUDGET_SYNC_ENABLED: 'true' },
    );
    const ledger = await openLedger({ database, redisUrl });
    const before = await ledger.rules.find();
    await file.write(-1);
    const failure = await waitFor(
      async () => (await readJobs(service)).find((job) => job.name === 'publish-rules')?.last_failure,
      { what: 'the failed run' },
    );
    expect(failure.reason).toContain('max_budget');
    expect(await ledger.rules.find()).toEqual(before);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  },
);

storesTest(
  'refuses to start on a broken budgets file, naming every problem with its line',
  async ({ database, redisUrl }) => {
    const file = await budgetsFile(-5);
    const start = startJobs(
      { database, redisUrl },
      { BUDGETS_CONFIG: file.path, LLM_PROXY_BUDGET_SYNC_ENABLED: 'true' },
    );
    await expect(start).rejects.toThrow(/budgets\.yaml:\d+: .*max_budget/u);
  },
);

storesTest('publishes no budgets with SYNC off, whatever the file says', async ({ database, redisUrl }) => {
  const file = await budgetsFile(-5);
  await startJobs({ database, redisUrl }, { BUDGETS_CONFIG: file.path });
  const ledger = await openLedger({ database, redisUrl });
  const published = await ledger.rules.find();
  expect(decodeRules(published?.text ?? '').catalogue.budgets).toEqual([]);
});

storesTest('runs each job once a tick on two instances side by side', async ({ database, redisUrl }) => {
  const env = { SWEEP_INTERVAL_MS: '500' };
  const services = await Promise.all([
    startJobs({ database, redisUrl }, env),
    startJobs({ database, redisUrl }, env),
  ]);
  const sweeps = async (): Promise<number> => {
    const texts = await Promise.all(services.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
    return texts
      .map((text) => Number(/job_runs_total\{job="sweep",outcome="success",.*\} (\d+)/u.exec(text)?.[1] ?? 0))
      .reduce((sum, count) => sum + count, 0);
  };
  const from = await sweeps();
  const startedAtMs = performance.now();
  await waitFor(async () => (await sweeps()) >= from + 8, { what: 'eight sweeps' });
  const ticks = (performance.now() - startedAtMs) / 500;
  expect((await sweeps()) - from).toBeLessThanOrEqual(Math.ceil(ticks) + 2);
});

storesTest(
  'goes on with the other instance when one is killed in the middle',
  async ({ database, redis, redisUrl }) => {
    const [first] = await Promise.all([startJobs({ database, redisUrl }), startJobs({ database, redisUrl })]);
    await first.kill('SIGKILL');
    const ledger = await openLedger({ database, redisUrl });
    const rulesVersion = (await ledger.rules.find())?.version ?? 0;
    const event = attributedEvent({ event: { startedAt: new Date(), endUser: 'kim', costNanoUsd: 3n } });
    await ledger.ledger.record({ rulesVersion, stripe: 0, events: [event] });
    await waitFor(async () => (await fieldsInRedis(redis, 'customer:kim'))['none']?.endsWith(':3'), {
      what: 'the sweep of the other instance',
      timeoutMs: 40_000,
    });
  },
);

storesTest('shows its jobs to readers only', async ({ database, redisUrl }) => {
  const service = await startJobs({ database, redisUrl });
  expect((await fetch(`${service.url}/v1/jobs`)).status).toBe(401);
  const jobs = await waitFor(
    async () => {
      const found = await readJobs(service);
      return found.every((job) => job.last_run !== null) && found;
    },
    { what: 'every job to have run' },
  );
  expect(jobs.map((job) => job.name)).toEqual([
    'sweep',
    'walk',
    'close-periods',
    'partitions',
    'publish-rules',
  ]);
});

storesTest(
  'ends gracefully on SIGTERM with exit code 0 and within a second or two',
  async ({ database, redisUrl }) => {
    const service = await startJobs({ database, redisUrl });
    const startedAtMs = performance.now();
    const { code } = await service.kill('SIGTERM');
    expect(code).toBe(0);
    expect(performance.now() - startedAtMs).toBeLessThan(8_000);
    expect(service.output()).toContain('"clean":true');
  },
);
