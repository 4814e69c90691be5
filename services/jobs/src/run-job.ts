import { BudgetError } from '@spendgate/domain';
import type { Logger } from '@spendgate/observability';
import { UnrecoverableError } from 'bullmq';
import type { Job, JobSummary } from './job.ts';
import { countRun } from './jobs-metrics.ts';
import type { JobsMetrics } from './jobs-metrics.ts';
import { InvalidConfigFiles } from './rules-files.ts';

/**
 * Runs jobs and notes how they ended. A job that fails tick after tick is logged once, when it begins to
 * fail or fails in another way, and once more when it works again.
 */
export function createJobRunner(of: {
  readonly metrics: JobsMetrics;
  readonly logger: Logger;
  readonly now: () => Date;
}): (job: Job) => Promise<JobSummary> {
  const failing = new Map<string, string>();
  return async (job) => {
    const startedAtMs = performance.now();
    const end = (ok: boolean): void =>
      countRun(of.metrics, {
        job: job.name,
        ok,
        durationMs: performance.now() - startedAtMs,
        endedAt: of.now(),
      });
    try {
      const summary = await job.run();
      end(true);
      if (failing.delete(job.name)) of.logger.info({ job: job.name }, 'the job works again');
      return summary;
    } catch (error) {
      end(false);
      const reason = reasonOf(error);
      if (failing.get(job.name) !== reason) of.logger.error({ job: job.name, err: error }, 'the job failed');
      failing.set(job.name, reason);
      throw toQueueError(error, reason);
    }
  };
}

/** What is kept in Redis of a failure, where readers see it: codes and our own texts, no inner messages. */
function reasonOf(error: unknown): string {
  if (error instanceof InvalidConfigFiles) return error.message;
  if (error instanceof BudgetError) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}

function toQueueError(error: unknown, reason: string): Error {
  const retryable = error instanceof BudgetError && error.retryable;
  return retryable ? new Error(reason, { cause: error }) : new UnrecoverableError(reason);
}
