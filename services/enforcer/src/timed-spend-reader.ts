import type { SpendReader } from '@spendgate/application';
import type { Metrics } from '@spendgate/observability';

/** Measures the reads, also those that fail. */
export function timedSpendReader(reader: SpendReader, metrics: Metrics): SpendReader {
  const duration = metrics
    .histogram('redis_duration_seconds', 'Calls to Redis.', ['operation'])
    .labels('read_spend');
  return {
    async read(of) {
      const startMs = performance.now();
      try {
        return await reader.read(of);
      } finally {
        duration.observe((performance.now() - startMs) / 1_000);
      }
    },
  };
}
