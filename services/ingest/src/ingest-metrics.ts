import type { RecordedOutcome } from '@spendgate/application';
import type { Metrics } from '@spendgate/observability';
import type { SpendEvent } from '@spendgate/domain';

export type EventSource = 'http' | 'kafka';

const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
const AGE_BUCKETS_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 3_600, 86_400];

/** What ingest measures. No label names a customer or a key. */
export function createIngestMetrics(metrics: Metrics) {
  const { events, rejected, ...found } = eventMetrics(metrics);
  return {
    ...storeMetrics(metrics),
    ...streamMetrics(metrics),
    inadmissible: metrics.counter(
      'events_inadmissible_requests_total',
      'Bodies that hold no events: not JSON, too large, unknown encoding.',
      ['reason'],
    ),
    intakeDuration: metrics.histogram('intake_duration_seconds', 'From a request of events to its answer.'),
    countRejected: (of: { readonly reason: string; readonly source: EventSource }) => {
      events.inc({ outcome: of.reason, source: of.source });
      rejected.inc({ reason: of.reason });
    },
    countProduced: (count: number) => {
      events.inc({ outcome: 'produced', source: 'http' }, count);
    },
    countSettled: (of: SettledEvents) => {
      const counts = new Map<RecordedOutcome, number>();
      for (const [index, event] of of.events.entries()) {
        const outcome = of.outcomes[index];
        if (outcome === undefined) continue;
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
        if (outcome !== 'recorded') continue;
        found.age.observe(Math.max(0, of.nowMs - (event.endedAt ?? event.startedAt).getTime()) / 1_000);
        if (event.endUser === null) found.withoutCustomer.inc();
        if (event.clockAhead) found.clockAhead.inc();
        if (event.unpriced) found.unpriced.inc();
      }
      for (const [outcome, count] of counts) {
        events.inc({ outcome, source: of.source }, count);
        if (outcome !== 'recorded' && outcome !== 'duplicate') rejected.inc({ reason: outcome }, count);
      }
      found.batchSize.observe(of.events.length);
    },
  };
}

export interface SettledEvents {
  readonly events: readonly SpendEvent[];
  readonly outcomes: readonly RecordedOutcome[];
  readonly source: EventSource;
  readonly nowMs: number;
}

function eventMetrics(metrics: Metrics) {
  return {
    events: metrics.counter(
      'events_total',
      'Events by outcome (recorded, duplicate, id_conflict, refused_by_ledger, invalid, not_json; produced: put on Kafka) and source.',
      ['outcome', 'source'],
    ),
    rejected: metrics.counter('events_rejected_total', 'Events parked as rejected, by reason.', ['reason']),
    age: metrics.histogram('event_age_seconds', 'From the end of a call to its being counted.', [], {
      buckets: AGE_BUCKETS_SECONDS,
    }),
    batchSize: metrics.histogram('event_batch_size', 'Events in one batch for the ledger.', [], {
      buckets: BATCH_BUCKETS,
    }),
    withoutCustomer: metrics.counter(
      'events_without_customer_total',
      'Recorded events that name no customer.',
    ),
    clockAhead: metrics.counter(
      'events_clock_ahead_total',
      'Recorded events whose start lay over five minutes ahead of the receipt.',
    ),
    unpriced: metrics.counter('events_unpriced_total', 'Recorded successes whose cost is unknown.'),
  };
}

function storeMetrics(metrics: Metrics) {
  return {
    ledgerDuration: metrics.histogram('ledger_duration_seconds', 'Calls to PostgreSQL.', ['operation']),
    ledgerErrors: metrics.counter('ledger_errors_total', 'Failed calls to PostgreSQL.', ['code']),
    redisDuration: metrics.histogram('redis_duration_seconds', 'Calls to Redis.', ['operation']),
    redisErrors: metrics.counter('redis_errors_total', 'Failed calls to Redis.', ['code']),
    pushes: metrics.counter('pushes_total', 'Pushes of counters to Redis that succeeded.'),
    pushesFailed: metrics.counter(
      'pushes_failed_total',
      'Pushes that failed after their commit; the sweep owes them.',
    ),
    pushesOwed: metrics.gauge('pushes_owed', 'Pushes that failed since the last one that succeeded.'),
    staleRules: metrics.counter(
      'stale_rules_total',
      'Batches attributed anew because the rules had changed.',
    ),
  };
}

function streamMetrics(metrics: Metrics) {
  return {
    produceDuration: metrics.histogram('kafka_produce_duration_seconds', 'Appends to the event topic.'),
    kafkaBatches: metrics.counter('kafka_batches_total', 'Batches from Kafka recorded and committed.'),
    kafkaParked: metrics.counter('kafka_parked_total', 'Messages that could not be parsed.', ['to']),
  };
}

export type IngestMetrics = ReturnType<typeof createIngestMetrics>;
