import { createLogger, createMetrics } from '@spendgate/observability';
import { expect, it } from 'vitest';
import { createJobsMetrics } from './jobs-metrics.ts';
import { createPartitionsJob } from './partitions-job.ts';

const NOW = new Date('2026-11-22T10:00:00Z');

function start(of: { readonly misplaced: number }) {
  const lines: string[] = [];
  const asked: unknown[] = [];
  const metrics = createMetrics({ service: 'jobs' });
  const job = createPartitionsJob(
    {
      createPartitions: async (request) => {
        asked.push(request);
        return ['spend_events_2026_12'];
      },
      defaultPartitionCount: async () => of.misplaced,
      emptyDefaultPartition: async () => {
        asked.push('emptied');
        return of.misplaced;
      },
    },
    {
      everyMs: 1_000,
      monthsAhead: 3,
      metrics: createJobsMetrics(metrics),
      logger: createLogger({ service: 'jobs', level: 'info' }, { write: (line) => void lines.push(line) }),
      now: () => NOW,
    },
  );
  return { job, asked, lines, metrics };
}

it('makes partitions ahead and leaves an empty default partition alone', async () => {
  const { job, asked, lines } = start({ misplaced: 0 });
  expect(await job.run()).toEqual({ partitions: 1, misplaced: 0, moved: 0 });
  expect(asked).toEqual([{ at: NOW, monthsAhead: 3 }]);
  expect(lines).toEqual([]);
});

it('raises the alarm for rows of the default partition and moves them', async () => {
  const { job, asked, lines, metrics } = start({ misplaced: 7 });
  expect(await job.run()).toEqual({ partitions: 1, misplaced: 7, moved: 7 });
  expect(asked).toContain('emptied');
  expect(lines.join('')).toContain('"level":"warn"');
  const text = await metrics.registry.metrics();
  expect(text).toContain('spendgate_ledger_default_partition_rows{service="jobs"} 7');
  expect(text).toContain('spendgate_ledger_default_partition_rows_moved_total{service="jobs"} 7');
});
