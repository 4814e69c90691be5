/**
 * Every metric of Spendgate, without its `spendgate_` prefix, in one place: dashboards and alert rules
 * are written against this list. Units come last (`_seconds`, `_bytes`, `_total` for counters). No label
 * of any of them names a customer, a key or a token.
 */
export const METRIC_NAMES = [
  // every service
  'http_requests_total',
  'rules_version',
  'ledger_duration_seconds',
  'redis_duration_seconds',
  'ledger_errors_total',
  'redis_errors_total',
  // ingest
  'events_total',
  'event_age_seconds',
  'event_batch_size',
  'events_without_customer_total',
  'events_clock_ahead_total',
  'events_unpriced_total',
  'events_rejected_total',
  'events_inadmissible_requests_total',
  'rejected_events_open',
  'unpriced_events_open',
  'intake_queue_events',
  'intake_duration_seconds',
  'pushes_total',
  'pushes_failed_total',
  'pushes_owed',
  'kafka_consumer_lag',
  'kafka_consumer_joined',
  'kafka_produce_duration_seconds',
  'kafka_batches_total',
  'kafka_parked_total',
  'stale_rules_total',
  // enforcer
  'checks_total',
  'check_duration_seconds',
  'checks_degraded_total',
  'checks_new_customers_total',
  'checks_missing_end_user_total',
  // jobs
  'sweep_duration_seconds',
  'sweep_pushed_counters_total',
  'sweep_owed_counters',
  'sweep_buckets_behind',
  'sweep_last_success_timestamp_seconds',
  'rebuilds_total',
  'rebuilt_counters_total',
  'counter_epoch',
  'walk_pushed_counters_total',
  'periods_closed_total',
  'ledger_default_partition_rows',
  'ledger_default_partition_rows_moved_total',
  'job_runs_total',
  'job_duration_seconds',
  'job_last_success_timestamp_seconds',
  'rules_published_total',
] as const;

export type MetricName = (typeof METRIC_NAMES)[number];
