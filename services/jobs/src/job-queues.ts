import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@spendgate/observability';
import { Queue, Worker } from 'bullmq';
import type { Job, JobName, JobSummary } from './job.ts';

/** How a job stands over all instances, as Redis knows it. */
export interface JobStatus {
  readonly name: JobName;
  readonly everyMs: number;
  readonly running: boolean;
  readonly nextAt: Date | null;
  readonly lastRun: { readonly endedAt: Date; readonly summary: JobSummary } | null;
  readonly lastFailure: { readonly endedAt: Date; readonly reason: string } | null;
}

/** One BullMQ queue and worker of one job. */
export interface JobQueue {
  readonly name: JobName;
  /** Plans the job anew where Redis forgot it. Safe to repeat and to run on every instance. */
  ensurePlanned(): Promise<void>;
  status(): Promise<JobStatus>;
  /** Lets a run in progress end. */
  close(): Promise<void>;
}

/** Keys of one queue share a slot on Redis Cluster. */
const PREFIX = '{bull}';
const KEPT_SUCCESSES = 5;
const KEPT_FAILURES = 20;
/** A run whose instance was killed is taken up by another one after about this time. */
const LOCK_MS = 4_000;
const STALLED_CHECK_MS = 2_000;
/** By default BullMQ waits 15 s after Redis failed it, and up to 20 s to connect anew; the sweep should be back sooner. */
const RETRY_AFTER_REDIS_FAILURE_MS = 1_000;
const MOST_RECONNECT_DELAY_MS = 1_000;
const CLOSE_PATIENCE_MS = 5_000;

/**
 * A queue for each job, so that a long rebuild holds up no other job. One run at a time over all
 * instances: the queue's global concurrency is 1 (between a wipe of Redis and the next `ensurePlanned`
 * two runs may overlap, which every job allows). A failed run is not retried: the next tick is the retry.
 */
export function createJobQueue(
  job: Job,
  of: {
    readonly redisUrl: string;
    readonly run: (job: Job) => Promise<JobSummary>;
    readonly logger: Logger;
  },
): JobQueue {
  const connection = {
    url: of.redisUrl,
    maxRetriesPerRequest: null,
    enableAutoPipelining: false,
    retryStrategy: (times: number) => Math.min(times * 100, MOST_RECONNECT_DELAY_MS),
  };
  const queue = new Queue<null, JobSummary>(job.name, { connection, prefix: PREFIX });
  const worker = new Worker<null, JobSummary>(job.name, async () => of.run(job), {
    connection,
    prefix: PREFIX,
    concurrency: 1,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: 1,
    runRetryDelay: RETRY_AFTER_REDIS_FAILURE_MS,
    removeOnComplete: { count: KEPT_SUCCESSES },
    removeOnFail: { count: KEPT_FAILURES },
  });
  reportErrors({ queue, worker, logger: of.logger, name: job.name });
  let planned = false;
  return {
    name: job.name,
    ensurePlanned: async () => {
      if (planned && (await isPlanned(queue))) return;
      await queue.setGlobalConcurrency(1);
      await queue.upsertJobScheduler(
        job.name,
        { every: job.everyMs },
        { name: job.name, data: null, opts: { attempts: 1 } },
      );
      if (planned) of.logger.warn({ job: job.name }, 'Redis had forgotten the job; planned it anew');
      planned = true;
    },
    status: async () => statusOf(queue, job),
    close: async () => closeBoth({ queue, worker }),
  };
}

/** Waits for a run in progress; without Redis, which cannot be told its end, only for a while. */
async function closeBoth(of: {
  readonly queue: Queue;
  readonly worker: Worker<null, JobSummary>;
}): Promise<void> {
  const gaveUp = new AbortController();
  const patience = delay(CLOSE_PATIENCE_MS, 'late', { signal: gaveUp.signal }).catch(() => 'late');
  await Promise.race([Promise.all([of.worker.close(), of.queue.close()]), patience]);
  gaveUp.abort();
}

/** A scheduler without a job in any state would never run again. */
async function isPlanned(queue: Queue): Promise<boolean> {
  const [scheduler, counts] = await Promise.all([
    queue.getJobScheduler(queue.name),
    queue.getJobCounts('active', 'waiting', 'delayed', 'prioritized'),
  ]);
  return scheduler !== undefined && Object.values(counts).some((count) => count > 0);
}

async function statusOf(queue: Queue<null, JobSummary>, job: Job): Promise<JobStatus> {
  const [scheduler, active, [completed], [failed]] = await Promise.all([
    queue.getJobScheduler(job.name),
    queue.getActiveCount(),
    queue.getCompleted(0, 0),
    queue.getFailed(0, 0),
  ]);
  return {
    name: job.name,
    everyMs: job.everyMs,
    running: active > 0,
    nextAt: scheduler?.next === undefined ? null : new Date(scheduler.next),
    lastRun:
      completed?.finishedOn === undefined
        ? null
        : { endedAt: new Date(completed.finishedOn), summary: completed.returnvalue },
    lastFailure:
      failed?.finishedOn === undefined
        ? null
        : { endedAt: new Date(failed.finishedOn), reason: failed.failedReason },
  };
}

/** The client repeats its error with every attempt to connect; one record each way is enough. */
function reportErrors(of: {
  readonly queue: Queue;
  readonly worker: Worker<null, JobSummary>;
  readonly logger: Logger;
  readonly name: JobName;
}): void {
  let last: string | null = null;
  const report = (error: Error): void => {
    const reason = 'code' in error ? String(error.code) : error.message;
    if (reason !== last) of.logger.warn({ job: of.name, err: error }, 'the queue has trouble with Redis');
    last = reason;
  };
  of.queue.on('error', report);
  of.worker.on('error', report);
  of.worker.on('completed', () => {
    last = null;
  });
}
