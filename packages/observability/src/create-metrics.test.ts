import { expect, it } from 'vitest';
import { createMetrics } from './create-metrics.ts';
import { METRIC_NAMES } from './metric-names.ts';

it('prefixes names and labels every series with the service', async () => {
  const metrics = createMetrics({ service: 'enforcer' });
  metrics.counter('checks_total', 'Checks by decision.', ['decision']).inc({ decision: 'deny' }, 2);
  expect(await metrics.registry.metrics()).toContain(
    'spendgate_checks_total{decision="deny",service="enforcer"} 2',
  );
});

it('carries the default process metrics', async () => {
  const { registry } = createMetrics({ service: 'jobs' });
  expect(await registry.metrics()).toContain('process_cpu_seconds_total');
});

it('keeps two services of one process apart', () => {
  const first = createMetrics({ service: 'ingest' });
  const second = createMetrics({ service: 'jobs' });
  first.gauge('rules_version', 'Published rules in force.');
  expect(() => second.gauge('rules_version', 'Published rules in force.')).not.toThrow();
});

it('asks a collecting gauge at each scrape', async () => {
  const metrics = createMetrics({ service: 'jobs' });
  const gauge = metrics.gauge('sweep_owed_counters', 'Owed.', [], {
    collect: () => {
      gauge.set(7);
    },
  });
  expect(await metrics.registry.metrics()).toContain('spendgate_sweep_owed_counters{service="jobs"} 7');
});

it('counts durations in buckets from a fifth of a millisecond', async () => {
  const metrics = createMetrics({ service: 'enforcer' });
  metrics.histogram('check_duration_seconds', 'Time to answer.').observe(0.000_1);
  expect(await metrics.registry.metrics()).toContain('le="0.0002",service="enforcer"} 1');
});

it('lists every name once, in snake case', () => {
  expect(new Set(METRIC_NAMES).size).toBe(METRIC_NAMES.length);
  expect(METRIC_NAMES.filter((name) => !/^[a-z][a-z_]*[a-z]$/u.test(name))).toEqual([]);
});
