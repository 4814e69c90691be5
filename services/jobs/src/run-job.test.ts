import { InvalidDuration, LedgerUnavailable, SpendStoreUnavailable } from '@spendgate/domain';
import { createLogger, createMetrics } from '@spendgate/observability';
import { UnrecoverableError } from 'bullmq';
import { expect, it } from 'vitest';
import type { JobSummary } from './job.ts';
import { createJobsMetrics } from './jobs-metrics.ts';
import { createJobRunner } from './run-job.ts';

function start() {
  const lines: string[] = [];
  const metrics = createMetrics({ service: 'jobs' });
  const run = createJobRunner({
    metrics: createJobsMetrics(metrics),
    logger: createLogger({ service: 'jobs', level: 'info' }, { write: (line) => void lines.push(line) }),
    now: () => new Date('2026-11-22T10:00:00Z'),
  });
  const sweep = async (outcome: Error | JobSummary): Promise<unknown> =>
    run({
      name: 'sweep',
      everyMs: 1_000,
      run: async () => {
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
    }).catch((error: unknown) => error);
  return { lines, metrics, sweep };
}

it('hands on what the run did', async () => {
  expect(await start().sweep({ pushed: 3 })).toEqual({ pushed: 3 });
});

it('logs a failure that goes on once, another failure anew, and the recovery', async () => {
  const { lines, sweep } = start();
  await sweep(new LedgerUnavailable('at 10.0.0.7'));
  await sweep(new LedgerUnavailable('at 10.0.0.8'));
  await sweep(new SpendStoreUnavailable('x'));
  await sweep({});
  await sweep({});
  expect(lines.map((line) => /"msg":"([^"]*)"/u.exec(line)?.[1])).toEqual([
    'the job failed',
    'the job failed',
    'the job works again',
  ]);
});

it('counts runs by outcome and remembers the last good one', async () => {
  const { metrics, sweep } = start();
  await sweep({});
  await sweep(new LedgerUnavailable('x'));
  const text = await metrics.registry.metrics();
  expect(text).toContain('spendgate_job_runs_total{job="sweep",outcome="success",service="jobs"} 1');
  expect(text).toContain('spendgate_job_runs_total{job="sweep",outcome="failure",service="jobs"} 1');
  expect(text).toContain(
    `last_success_timestamp_seconds{job="sweep",service="jobs"} ${Date.UTC(2026, 10, 22, 10) / 1_000}`,
  );
});

it.each([
  ['retryable', new LedgerUnavailable('at 10.0.0.7'), 'BUDGET_LEDGER_UNAVAILABLE', false],
  ['final', new InvalidDuration('"1y"'), 'BUDGET_INVALID_DURATION', true],
  ['unexpected', new TypeError('at 10.0.0.7'), 'TypeError', true],
])('leaves of a %s failure its code in Redis and no inner message', async (_what, error, code, final) => {
  const thrown = await start().sweep(error);
  expect(thrown).toMatchObject({ message: code });
  expect(thrown instanceof UnrecoverableError).toBe(final);
});
