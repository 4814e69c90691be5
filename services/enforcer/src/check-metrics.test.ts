import { expect, it } from 'vitest';
import type { CheckResult } from '@spendgate/application';
import { createMetrics } from '@spendgate/observability';
import { createCheckMetrics } from './check-metrics.ts';

const ALLOWED: CheckResult = {
  enforced: true,
  denial: null,
  degradedBy: null,
  identity: 'john@company.com',
  category: 'platform',
  findings: [],
  missingEndUser: false,
  newCustomer: true,
};
const FAILED_OPEN: CheckResult = { ...ALLOWED, degradedBy: 'stale', newCustomer: false };
const DENIED: CheckResult = {
  ...ALLOWED,
  newCustomer: false,
  identity: null,
  category: null,
  missingEndUser: true,
  denial: { reason: 'missing_end_user', message: '' },
};

it('counts checks once over several scrapes, and never names a customer', async () => {
  const metrics = createMetrics({ service: 'enforcer' });
  const checks = createCheckMetrics(metrics);
  const durationMs = 0.4;
  for (const result of [ALLOWED, ALLOWED, FAILED_OPEN, DENIED]) checks.observe(result, { durationMs });
  await metrics.registry.metrics();
  checks.observe(ALLOWED, { durationMs });
  const text = await metrics.registry.metrics();
  const lines = text
    .split('\n')
    .filter((line) => /^spendgate_check(?:s_|_duration_seconds_count)/u.test(line));
  expect(lines.map((line) => line.replace(/,?service="enforcer"/u, '')).toSorted()).toEqual([
    'spendgate_check_duration_seconds_count{} 5',
    'spendgate_checks_degraded_total{cause="stale"} 1',
    'spendgate_checks_missing_end_user_total{} 1',
    'spendgate_checks_new_customers_total{} 3',
    'spendgate_checks_total{decision="allow",category="platform",reason="none"} 4',
    'spendgate_checks_total{decision="deny",category="none",reason="missing_end_user"} 1',
  ]);
  expect(text).not.toContain('john');
});
