import type { CounterCopy, Ledger } from '@spendgate/application';
import { SpendStoreUnavailable, StaleRules } from '@spendgate/domain';
import type { Histogram, Counter } from '@spendgate/observability';
import type { IngestMetrics } from './ingest-metrics.ts';

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

/** After a failed push, Redis is left alone for this long: the sweep owes the rest, and batches do not wait. */
const REST_MS = 1_000;

/** The copy with its pushes timed and counted, and resting after a failure. */
export function observeCopy(
  copy: Pick<CounterCopy, 'put'>,
  of: { readonly metrics: IngestMetrics; readonly nowMs: () => number },
): Pick<CounterCopy, 'put'> {
  const { metrics } = of;
  let restsUntilMs = 0;
  return {
    put: async (epoch, counters) => {
      if (of.nowMs() < restsUntilMs) throw new SpendStoreUnavailable('Redis failed a moment ago');
      try {
        await observe({
          operation: 'push',
          call: () => copy.put(epoch, counters),
          duration: metrics.redisDuration,
          errors: metrics.redisErrors,
        });
        metrics.pushes.inc();
        metrics.pushesOwed.set(0);
      } catch (error) {
        restsUntilMs = of.nowMs() + REST_MS;
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
