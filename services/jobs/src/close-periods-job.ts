import { closePeriods } from '@spendgate/application';
import type { ClosePeriodsPorts } from '@spendgate/application';
import type { Job } from './job.ts';
import type { JobsMetrics } from './jobs-metrics.ts';

/** Closes finished periods; see `closePeriods`. */
export function createClosePeriodsJob(
  ports: ClosePeriodsPorts,
  of: {
    readonly everyMs: number;
    readonly graceMs: number;
    readonly metrics: JobsMetrics;
    readonly now: () => Date;
  },
): Job {
  return {
    name: 'close-periods',
    everyMs: of.everyMs,
    run: async () => {
      const { closed, more } = await closePeriods(ports, { now: of.now(), graceMs: of.graceMs });
      of.metrics.periodsClosed.inc(closed);
      return { closed, more };
    },
  };
}
