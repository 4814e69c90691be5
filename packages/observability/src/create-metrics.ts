import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { MetricName } from './metric-names.ts';

const PREFIX = 'spendgate_';

/** What a metric may have besides its labels. `collect` runs at each scrape, before the value is read. */
export interface MetricOptions {
  readonly collect?: () => void | Promise<void>;
}

/** A service's registry and the only way to add metrics to it, so that names stay on the list. */
export interface Metrics {
  readonly registry: Registry;
  counter<L extends string>(
    name: MetricName,
    help: string,
    labels?: readonly L[],
    options?: MetricOptions,
  ): Counter<L>;
  gauge<L extends string>(
    name: MetricName,
    help: string,
    labels?: readonly L[],
    options?: MetricOptions,
  ): Gauge<L>;
  histogram<L extends string>(
    name: MetricName,
    help: string,
    labels?: readonly L[],
    options?: MetricOptions & { readonly buckets?: readonly number[] },
  ): Histogram<L>;
}

/** Buckets from 0.2 ms to 10 s, for calls to stores and for answers. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/**
 * A registry of its own per service, so that two in one process do not collide. It carries the default
 * process metrics; every series has the label `service`.
 */
export function createMetrics(of: { readonly service: string }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: of.service });
  collectDefaultMetrics({ register: registry });
  const base = <L extends string>(name: MetricName, help: string, labels: readonly L[]) => ({
    name: `${PREFIX}${name}`,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  return {
    registry,
    counter: (name, help, labels = [], options = {}) =>
      new Counter({ ...base(name, help, labels), ...options }),
    gauge: (name, help, labels = [], options = {}) => new Gauge({ ...base(name, help, labels), ...options }),
    histogram: (name, help, labels = [], { buckets = DURATION_BUCKETS_SECONDS, ...options } = {}) =>
      new Histogram({ ...base(name, help, labels), buckets: [...buckets], ...options }),
  };
}
