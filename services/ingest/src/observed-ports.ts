import type { CounterCopy, Ledger } from '@spendgate/application';
import { SpendStoreUnavailable, StaleRules } from '@spendgate/domain';
import type { Histogram, Counter } from '@spendgate/observability';
import type { IngestMetrics } from './ingest-metrics.ts';
import { withinTime } from './within-time.ts';

/** The ledger with its calls timed and its failures counted by code. */
export function observeLedger(ledger: Ledger, metrics: IngestMetrics): Ledger {
  const observed = <Result>(operation: string, call: () => Promise<Result>) =>
    observe({ operation, call, duration: metrics.ledgerDuration, errors: metrics.ledgerErrors });
  const countStale = (error: unknown): never => {
    if (error instanceof StaleRules) metrics.staleRules.inc();
    throw error;
  };
  return {
    record: (batch) => observed('record', () => ledger.record(batch)).catch(countStale),
    adjust: (of) => observed('adjust', () => ledger.adjust(of)).catch(countStale),
  };
}

/** How long a batch that is committed waits for its push. A push takes about a millisecond. */
const PUSH_WAIT_MS = 150;
/**
 * After pushes that failed one after the other Redis is left alone, twice as long each time: the sweep owes the rest,
 * and batches do not wait. A single failure earns no rest, for the next check shall see the next batch's spend.
 */
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 10_000;

/**
 * The copy with its pushes timed and counted, bounded in time, and resting after failures in a row. A push that is given up
 * goes on unwatched: it is harmless late, and the sweep brings the same.
 */
export function observeCopy(
  copy: Pick<CounterCopy, 'put'>,
  of: { readonly metrics: IngestMetrics; readonly nowMs: () => number },
): Pick<CounterCopy, 'put'> {
  const { metrics } = of;
  const late = () => new SpendStoreUnavailable(`Redis did not take a push within ${PUSH_WAIT_MS} ms`);
  let restsUntilMs = 0;
  let restMs = FIRST_REST_MS;
  let failedAtMs: number | null = null;
  return {
    put: async (epoch, counters) => {
      const beganMs = of.nowMs();
      if (beganMs < restsUntilMs) throw new SpendStoreUnavailable('Redis failed a moment ago');
      try {
        await observe({
          operation: 'push',
          call: () => withinTime({ timeoutMs: PUSH_WAIT_MS, late }, copy.put(epoch, counters)),
          duration: metrics.redisDuration,
          errors: metrics.redisErrors,
        });
        metrics.pushes.inc();
        metrics.pushesOwed.set(0);
        restMs = FIRST_REST_MS;
        failedAtMs = null;
      } catch (error) {
        // Pushes that failed side by side are one failure: the later ones began before it was known.
        const isAnother = failedAtMs === null || beganMs > failedAtMs;
        if (isAnother && failedAtMs !== null) {
          restsUntilMs = of.nowMs() + restMs;
          restMs = Math.min(restMs * 2, LONGEST_REST_MS);
        }
        if (isAnother) failedAtMs = of.nowMs();
        throw error;
      }
    },
  };
}

async function observe<Result>(of: {
  readonly operation: string;
  readonly call: () => Promise<Result>;
  readonly duration: Histogram<'operation'>;
  readonly errors: Counter<'code'>;
}): Promise<Result> {
  const startMs = performance.now();
  try {
    return await of.call();
  } catch (error) {
    of.errors.inc({ code: codeOf(error) });
    throw error;
  } finally {
    of.duration.observe({ operation: of.operation }, (performance.now() - startMs) / 1_000);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'other';
}
