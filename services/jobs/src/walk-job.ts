import { walkOnce } from '@spendgate/application';
import type { CounterCopy, CounterKey, CounterSource } from '@spendgate/application';
import type { Job } from './job.ts';
import type { JobsMetrics } from './jobs-metrics.ts';

/** A million open rows take an hour and a half at the default interval. */
const PAGE_ROWS = 1_000;

/**
 * Goes slowly over all open rows and pushes them, a page a run. The position lives in this instance: one
 * that starts begins anew, and several instances walk at their own pace.
 */
export function createWalkJob(
  ports: { readonly source: CounterSource; readonly copy: CounterCopy },
  of: { readonly everyMs: number; readonly metrics: JobsMetrics },
): Job {
  let after: CounterKey | null = null;
  return {
    name: 'walk',
    everyMs: of.everyMs,
    run: async () => {
      const { pushed, next } = await walkOnce(ports, { after, limit: PAGE_ROWS });
      after = next;
      of.metrics.walkPushed.inc(pushed);
      return { pushed, finished: next === null };
    },
  };
}
