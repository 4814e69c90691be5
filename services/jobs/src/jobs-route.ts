import type { FastifyPluginAsyncZod } from '@spendgate/runtime';
import { z } from 'zod';
import { JOB_NAMES } from './job.ts';
import type { JobQueue, JobStatus } from './job-queues.ts';

const summary = z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]));
const jobReply = z.object({
  name: z.enum(JOB_NAMES),
  every_ms: z.number(),
  running: z.boolean(),
  next_at: z.string().nullable(),
  last_run: z.object({ ended_at: z.string(), summary }).nullable(),
  last_failure: z.object({ ended_at: z.string(), reason: z.string() }).nullable(),
});

/** `GET /v1/jobs`: every job with its last good run and its last failure, over all instances. */
export const jobsRoute =
  (queues: readonly Pick<JobQueue, 'status'>[]): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      '/v1/jobs',
      { config: { scope: 'read' }, schema: { response: { 200: z.object({ jobs: z.array(jobReply) }) } } },
      async () => ({ jobs: (await Promise.all(queues.map(async (queue) => queue.status()))).map(toReply) }),
    );
  };

function toReply(status: JobStatus): z.input<typeof jobReply> {
  return {
    name: status.name,
    every_ms: status.everyMs,
    running: status.running,
    next_at: status.nextAt?.toISOString() ?? null,
    last_run:
      status.lastRun === null
        ? null
        : { ended_at: status.lastRun.endedAt.toISOString(), summary: status.lastRun.summary },
    last_failure:
      status.lastFailure === null
        ? null
        : { ended_at: status.lastFailure.endedAt.toISOString(), reason: status.lastFailure.reason },
  };
}
