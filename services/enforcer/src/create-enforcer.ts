import { boundedSpendReader, createCheckRules } from '@spendgate/application';
import type { NewCustomerGate, SpendReader } from '@spendgate/application';
import { createMetrics } from '@spendgate/observability';
import type { Gauge, Logger } from '@spendgate/observability';
import { createServer, registerOperations } from '@spendgate/runtime';
import type { Server } from '@spendgate/runtime';
import { createCheckMetrics } from './check-metrics.ts';
import { checkRoute } from './check-route.ts';
import type { EnforcerConfig } from './config.ts';
import { enforcerReadiness } from './readiness.ts';
import { followRules } from './rules-follower.ts';
import type { RulesFeed } from './rules-follower.ts';
import { timedSpendReader } from './timed-spend-reader.ts';

/** What the enforcer needs of Redis. */
export interface EnforcerStores {
  readonly spend: SpendReader;
  readonly newCustomers: NewCustomerGate;
  readonly rules: RulesFeed;
  /** @throws when Redis may evict keys, or cannot be asked */
  readonly assertNoEviction: () => Promise<void>;
}

export interface Enforcer {
  /** Not yet listening. */
  readonly server: Server;
  /** Stops following the rules; close the server first. */
  close(): Promise<void>;
}

/** Strict ids of 512 characters and a user agent, with every character escaped, fit in. */
const BODY_LIMIT_BYTES = 64 * 1_024;
/** How long counters may be ahead of the rules held before checks are no longer answered from them. */
const RULES_GRACE_MS = 3_000;
/** The rules text is larger than a check's answer and nobody waits for it. */
const FOLLOW_TIMEOUT_MS = 1_000;

/**
 * Puts the enforcer together and takes a first look at the published rules. Resolves also when Redis is
 * away; the service is then not ready, and checks follow the fail policy.
 */
export async function createEnforcer(of: {
  readonly config: EnforcerConfig;
  readonly stores: EnforcerStores;
  readonly logger: Logger;
  readonly now?: () => Date;
  readonly stopping?: () => boolean;
}): Promise<Enforcer> {
  const { config, stores, logger } = of;
  const now = of.now ?? (() => new Date());
  const metrics = createMetrics({ service: 'enforcer' });
  const rules = createCheckRules({ graceMs: RULES_GRACE_MS });
  const follower = await followRules({
    feed: stores.rules,
    rules,
    spend: stores.spend,
    timeoutMs: FOLLOW_TIMEOUT_MS,
    logger,
    now,
  });
  const version: Gauge<never> = metrics.gauge(
    'rules_version',
    'The version of the published rules in force.',
    [],
    {
      collect: () => version.set(rules.preferred()?.version ?? 0),
    },
  );
  const server = createServer({
    service: 'enforcer',
    logger,
    tokens: config.tokens,
    metrics,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    openApi: { title: 'Spendgate enforcer', version: '1' },
  });
  const spend = boundedSpendReader(timedSpendReader(stores.spend, metrics), config.maxChecksInFlight);
  const ports = { rules, spend, newCustomers: stores.newCustomers, policy: config.policy, now };
  await server.register(checkRoute(ports, createCheckMetrics(metrics)));
  const { ownSettings } = config;
  const { assertNoEviction } = stores;
  registerOperations(server, {
    readiness: enforcerReadiness({ follower, rules, ownSettings, assertNoEviction }),
    registry: metrics.registry,
    metricsToken: config.metricsToken,
    ...(of.stopping === undefined ? {} : { stopping: of.stopping }),
  });
  return { server, close: async () => follower.close() };
}
