import type { Counter, Gauge, Histogram, Metrics } from '@spendgate/observability';
import type { JobName } from './job.ts';

export interface JobsMetrics {
  readonly runs: Counter<'job' | 'outcome'>;
  readonly durationSeconds: Histogram<'job'>;
  readonly lastSuccess: Gauge<'job'>;
  readonly sweepDurationSeconds: Histogram;
  readonly sweepLastSuccess: Gauge;
  readonly sweepPushed: Counter;
  readonly sweepOwed: Gauge;
  readonly sweepBucketsBehind: Gauge;
  readonly rebuilds: Counter;
  readonly rebuiltCounters: Counter;
  readonly counterEpoch: Gauge;
  readonly walkPushed: Counter;
  readonly periodsClosed: Counter;
  readonly defaultPartitionRows: Gauge;
  readonly defaultPartitionRowsMoved: Counter;
  readonly rulesVersion: Gauge;
  readonly rulesPublished: Counter;
}

const JOB_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function createJobsMetrics(metrics: Metrics): JobsMetrics {
  const buckets = { buckets: JOB_BUCKETS_SECONDS };
  return {
    runs: metrics.counter('job_runs_total', 'Runs of jobs on this instance.', ['job', 'outcome']),
    durationSeconds: metrics.histogram('job_duration_seconds', 'Time a run takes.', ['job'], buckets),
    lastSuccess: metrics.gauge('job_last_success_timestamp_seconds', 'End of the last good run here.', [
      'job',
    ]),
    sweepDurationSeconds: metrics.histogram('sweep_duration_seconds', 'Time a sweep takes.', [], buckets),
    sweepLastSuccess: metrics.gauge(
      'sweep_last_success_timestamp_seconds',
      'End of the last good sweep here.',
    ),
    sweepPushed: metrics.counter('sweep_pushed_counters_total', 'Changed rows that sweeps sent to Redis.'),
    sweepOwed: metrics.gauge('sweep_owed_counters', 'Changed rows that the last sweep found and sent.'),
    sweepBucketsBehind: metrics.gauge(
      'sweep_buckets_behind',
      'Buckets the last sweep could not bring up to date.',
    ),
    rebuilds: metrics.counter('rebuilds_total', 'Buckets of the copy that were rebuilt.'),
    rebuiltCounters: metrics.counter('rebuilt_counters_total', 'Rows that rebuilds sent to Redis.'),
    counterEpoch: metrics.gauge('counter_epoch', 'Epoch of the counters.'),
    walkPushed: metrics.counter('walk_pushed_counters_total', 'Rows that the slow walk sent to Redis.'),
    periodsClosed: metrics.counter('periods_closed_total', 'Counters whose period was closed or revised.'),
    defaultPartitionRows: metrics.gauge(
      'ledger_default_partition_rows',
      "Rows in the ledger's default partition, counted up to 10,000; anything but 0 is an alarm.",
    ),
    defaultPartitionRowsMoved: metrics.counter(
      'ledger_default_partition_rows_moved_total',
      'Rows moved from the default partition to their months.',
    ),
    rulesVersion: metrics.gauge('rules_version', 'Version of the published rules.'),
    rulesPublished: metrics.counter(
      'rules_published_total',
      'Versions of the rules published by this instance.',
    ),
  };
}

/** Notes one run. */
export function countRun(
  metrics: JobsMetrics,
  of: { readonly job: JobName; readonly ok: boolean; readonly durationMs: number; readonly endedAt: Date },
): void {
  metrics.runs.inc({ job: of.job, outcome: of.ok ? 'success' : 'failure' });
  metrics.durationSeconds.observe({ job: of.job }, of.durationMs / 1_000);
  if (of.ok) metrics.lastSuccess.set({ job: of.job }, of.endedAt.getTime() / 1_000);
}
