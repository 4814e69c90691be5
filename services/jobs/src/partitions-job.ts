import type { LedgerUpkeep } from '@spendgate/application';
import type { Logger } from '@spendgate/observability';
import type { Job } from './job.ts';
import type { JobsMetrics } from './jobs-metrics.ts';

/**
 * Makes the ledger's partitions ahead. Rows in the default partition mean that one was missing: they are
 * moved, and the gauge keeps the number found until the next run, so that the alarm has time to see it.
 */
export function createPartitionsJob(
  upkeep: Pick<LedgerUpkeep, 'createPartitions' | 'defaultPartitionCount' | 'emptyDefaultPartition'>,
  of: {
    readonly everyMs: number;
    readonly monthsAhead: number;
    readonly metrics: JobsMetrics;
    readonly logger: Logger;
    readonly now: () => Date;
  },
): Job {
  return {
    name: 'partitions',
    everyMs: of.everyMs,
    run: async () => {
      const created = await upkeep.createPartitions({ at: of.now(), monthsAhead: of.monthsAhead });
      const misplaced = await upkeep.defaultPartitionCount();
      of.metrics.defaultPartitionRows.set(misplaced);
      if (misplaced > 0)
        of.logger.warn({ rows: misplaced }, 'the default partition is not empty; moving its rows');
      const moved = misplaced === 0 ? 0 : await upkeep.emptyDefaultPartition();
      of.metrics.defaultPartitionRowsMoved.inc(moved);
      return { partitions: created.length, misplaced, moved };
    },
  };
}
