import type { CheckResult } from '@spendgate/application';
import type { Counter, Metrics } from '@spendgate/observability';

export interface CheckMetrics {
  observe(result: CheckResult, of: { readonly durationMs: number }): void;
}

/** A few hundred microseconds are usual, and CHECK_TIMEOUT_MS (50 by default) is the edge that matters. */
const BUCKETS_SECONDS = [
  0.000_25, 0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 5,
];

/**
 * Counts every check. The counts are plain numbers that become metrics at a scrape: an increment with
 * labels costs a check about as much as its decision does.
 */
export function createCheckMetrics(metrics: Metrics): CheckMetrics {
  const checks = createTally<'decision' | 'category' | 'reason'>();
  const degraded = createTally<'cause'>();
  const newCustomers = createTally<never>();
  const missing = createTally<never>();
  const duration = metrics.histogram(
    'check_duration_seconds',
    'Time from a parsed check to its decision.',
    [],
    { buckets: BUCKETS_SECONDS },
  );
  registerTallies(metrics, { checks, degraded, newCustomers, missing });
  return {
    observe(result, { durationMs }) {
      const decision = result.denial === null ? 'allow' : 'deny';
      const category = result.category ?? 'none';
      const reason = result.denial?.reason ?? 'none';
      checks.count(`${decision}/${category}/${reason}`, () => ({ decision, category, reason }));
      if (result.degradedBy !== null) {
        const cause = result.degradedBy;
        degraded.count(cause, () => ({ cause }));
      }
      if (result.newCustomer) newCustomers.count('', () => ({}));
      if (result.missingEndUser) missing.count('', () => ({}));
      duration.observe(durationMs / 1_000);
    },
  };
}

interface Tally<L extends string> {
  count(key: string, labels: () => Partial<Record<L, string>>): void;
  moveTo(counter: Counter<L>): void;
}

/** Plain counts by a short key, which `moveTo` hands over to a metric. */
function createTally<L extends string>(): Tally<L> {
  const counts = new Map<string, { readonly labels: Partial<Record<L, string>>; amount: number }>();
  return {
    count(key, labels) {
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { labels: labels(), amount: 1 });
      else known.amount += 1;
    },
    moveTo(counter) {
      for (const entry of counts.values()) {
        counter.inc(entry.labels, entry.amount);
        entry.amount = 0;
      }
    },
  };
}

function registerTallies(
  metrics: Metrics,
  of: {
    readonly checks: Tally<'decision' | 'category' | 'reason'>;
    readonly degraded: Tally<'cause'>;
    readonly newCustomers: Tally<never>;
    readonly missing: Tally<never>;
  },
): void {
  const checks: Counter<'decision' | 'category' | 'reason'> = metrics.counter(
    'checks_total',
    'Answered checks; while checks are switched off all of them allow.',
    ['decision', 'category', 'reason'],
    { collect: () => of.checks.moveTo(checks) },
  );
  const degraded: Counter<'cause'> = metrics.counter(
    'checks_degraded_total',
    'Checks answered by the fail policy, by why the spend was not known.',
    ['cause'],
    { collect: () => of.degraded.moveTo(degraded) },
  );
  const newCustomers: Counter<never> = metrics.counter(
    'checks_new_customers_total',
    'Checks of customers that have spent nothing in their open period.',
    [],
    { collect: () => of.newCustomers.moveTo(newCustomers) },
  );
  const missing: Counter<never> = metrics.counter(
    'checks_missing_end_user_total',
    'Checks that named no customer.',
    [],
    { collect: () => of.missing.moveTo(missing) },
  );
}
