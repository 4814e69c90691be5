import { sweepOnce } from '@spendgate/application';
import type { SweepPorts, SweepResult } from '@spendgate/application';
import type { Logger } from '@spendgate/observability';
import type { Job } from './job.ts';
import type { JobsMetrics } from './jobs-metrics.ts';

/** Brings Redis to where PostgreSQL is; see `sweepOnce`. Rebuilds and new epochs are worth a record. */
export function createSweepJob(
  ports: SweepPorts,
  of: {
    readonly everyMs: number;
    readonly metrics: JobsMetrics;
    readonly logger: Logger;
    readonly now: () => Date;
  },
): Job {
  let epoch: number | null = null;
  return {
    name: 'sweep',
    everyMs: of.everyMs,
    run: async () => {
      const startedAtMs = performance.now();
      const result = await sweepOnce(ports);
      const durationMs = performance.now() - startedAtMs;
      note(of.metrics, { result, durationMs, endedAt: of.now() });
      if (result.rebuilt > 0) {
        of.logger.info(
          {
            buckets: result.rebuilt,
            rows: result.rebuiltRows,
            epoch: result.epoch,
            durationMs: Math.round(durationMs),
          },
          'rebuilt the copy of the counters',
        );
      }
      if (epoch !== null && epoch !== result.epoch)
        of.logger.warn({ from: epoch, to: result.epoch }, 'new epoch');
      epoch = result.epoch;
      return {
        epoch: result.epoch,
        pushed: result.pushed,
        rebuilt: result.rebuilt,
        rebuiltRows: result.rebuiltRows,
        behind: result.lagging + result.unreachable,
      };
    },
  };
}

function note(
  metrics: JobsMetrics,
  of: { readonly result: SweepResult; readonly durationMs: number; readonly endedAt: Date },
): void {
  const { result } = of;
  metrics.sweepDurationSeconds.observe(of.durationMs / 1_000);
  metrics.sweepLastSuccess.set(of.endedAt.getTime() / 1_000);
  metrics.sweepPushed.inc(result.pushed);
  metrics.sweepOwed.set(result.pushed);
  metrics.sweepBucketsBehind.set(result.lagging + result.unreachable);
  metrics.rebuilds.inc(result.rebuilt);
  metrics.rebuiltCounters.inc(result.rebuiltRows);
  metrics.counterEpoch.set(result.epoch);
}
