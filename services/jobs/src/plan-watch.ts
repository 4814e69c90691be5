import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@spendgate/observability';
import type { JobQueue } from './job-queues.ts';

export interface PlanWatch {
  /** Stops looking; a look in progress is left to end with its connection. */
  close(): void;
}

const WATCH_INTERVAL_MS = 1_000;

/**
 * Looks every second whether Redis still knows the jobs, and plans them anew if not: BullMQ keeps its
 * schedules in Redis only, so a wiped Redis would otherwise never be healed by the sweep. While Redis is
 * away a look waits for it. Returns after the first plan.
 */
export async function watchPlans(
  queues: readonly JobQueue[],
  of: { readonly logger: Logger },
): Promise<PlanWatch> {
  const stop = new AbortController();
  const look = async (): Promise<void> => {
    await Promise.all(queues.map(async (queue) => queue.ensurePlanned()));
  };
  await look();
  void keepLooking({ look, logger: of.logger, signal: stop.signal });
  return { close: () => stop.abort() };
}

async function keepLooking(of: {
  readonly look: () => Promise<void>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  let failing = false;
  while (!of.signal.aborted) {
    try {
      await delay(WATCH_INTERVAL_MS, undefined, { signal: of.signal });
      await of.look();
      failing = false;
    } catch (error) {
      if (!of.signal.aborted && !failing)
        of.logger.warn({ err: error }, 'could not see whether the jobs are planned');
      failing = true;
    }
  }
}
