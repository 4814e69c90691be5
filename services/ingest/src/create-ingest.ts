import { randomInt } from 'node:crypto';
import { STRIPE_COUNT } from '@spendgate/application';
import { createMetrics } from '@spendgate/observability';
import type { Gauge, Logger, Metrics } from '@spendgate/observability';
import { createServer, registerOperations } from '@spendgate/runtime';
import type { Server } from '@spendgate/runtime';
import type { IngestConfig } from './config.ts';
import { consumeBatch } from './consume-events.ts';
import { createDirectIntake } from './direct-intake.ts';
import { createEventRecorder } from './event-recorder.ts';
import type { EventRecorder } from './event-recorder.ts';
import { BODY_LIMIT_BYTES, eventsRoute } from './events-route.ts';
import { createIngestMetrics } from './ingest-metrics.ts';
import type { IngestMetrics } from './ingest-metrics.ts';
import type { IngestPorts } from './ingest-ports.ts';
import { observeCopy, observeLedger } from './observed-ports.ts';
import { followRules } from './published-rules.ts';
import type { FollowedRules } from './published-rules.ts';
import { createEventReader } from './read-event.ts';
import type { EventReader } from './read-event.ts';
import { ingestReadiness } from './readiness.ts';
import { rejectedRoutes } from './rejected-routes.ts';
import { createStreamIntake } from './stream-intake.ts';
import { unpricedRoutes } from './unpriced-routes.ts';

/** Events in one ledger transaction at most. */
const BATCH_LIMIT = 1_000;

export interface Ingest {
  /** Not yet listening. */
  readonly server: Server;
  /** Stops consuming and waits until nothing is in work; close the server first, the ports afterwards. */
  close(): Promise<void>;
}

interface Parts {
  readonly ports: IngestPorts;
  readonly config: IngestConfig;
  readonly logger: Logger;
  readonly metrics: IngestMetrics;
  readonly rules: FollowedRules;
  readonly reader: EventReader;
  readonly recorder: EventRecorder;
  readonly recordPorts: ReturnType<typeof toRecordPorts>;
  readonly stripeOffset: number;
}

/**
 * Puts ingest together on its ports, reads the published rules and starts to consume. Resolves also when
 * no rules are published or Kafka is away; the service is then not ready.
 */
export async function createIngest(of: {
  readonly config: IngestConfig;
  readonly ports: IngestPorts;
  readonly logger: Logger;
  readonly stopping?: () => boolean;
}): Promise<Ingest> {
  const { config, ports, logger } = of;
  const registry = createMetrics({ service: 'ingest' });
  const metrics = createIngestMetrics(registry);
  const rules = followRules(ports.rules, logger);
  const recordPorts = toRecordPorts({ ports, rules, metrics, logger });
  const stripeOffset = randomInt(STRIPE_COUNT);
  const recorder = createEventRecorder(
    recordPorts,
    {
      lanes: config.lanes,
      batchLimit: BATCH_LIMIT,
      queueLimit: config.maxWaitingEvents,
      ledgerDeadlineMs: config.ledgerDeadlineMs,
      stripeOffset,
    },
    metrics,
  );
  const reader = createEventReader(config.reader);
  const parts = { ports, config, logger, metrics, rules, reader, recorder, recordPorts, stripeOffset };
  addGauges(registry, parts);
  await rules.start();
  const server = createServer({
    service: 'ingest',
    logger,
    tokens: config.tokens,
    metrics: registry,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    openApi: { title: 'Spendgate ingest', version: '1' },
  });
  await registerRoutes(server, parts);
  registerOperations(server, {
    readiness: ingestReadiness({ ports, rules, ownSettings: config.ownSettings }),
    registry: registry.registry,
    metricsToken: config.metricsToken,
    ...(of.stopping === undefined ? {} : { stopping: of.stopping }),
  });
  startConsumer(parts);
  return {
    server,
    close: async () => {
      await ports.stream?.subscription.stop();
      await recorder.drained();
      rules.stop();
    },
  };
}

function toRecordPorts(of: Pick<Parts, 'ports' | 'rules' | 'metrics' | 'logger'>) {
  const { ports, metrics, logger } = of;
  return {
    rules: of.rules,
    ledger: observeLedger(ports.ledger, metrics),
    copy: observeCopy(ports.copy, { metrics, nowMs: () => ports.clock.nowMs() }),
    rejected: ports.rejected,
    clock: ports.clock,
    onPushOwed: (error: unknown) => {
      metrics.pushesFailed.inc();
      metrics.pushesOwed.inc();
      logger.debug({ err: error }, 'a push is owed to the sweep');
    },
    onRefused: (error: unknown) => {
      logger.error({ err: error }, 'an event cannot be recorded and is parked');
    },
  };
}

async function registerRoutes(server: Server, parts: Parts): Promise<void> {
  const { ports, config, metrics, rules, reader, recorder, recordPorts } = parts;
  const { clock, rejected, unpriced } = ports;
  const { ledgerDeadlineMs } = config;
  const intake =
    ports.stream === null
      ? createDirectIntake({ rules, recorder, rejected, clock, metrics }, { ledgerDeadlineMs })
      : createStreamIntake({ rules, events: ports.stream.events, metrics });
  await server.register(eventsRoute({ intake, reader, clock, metrics }));
  const replay = {
    ...recordPorts,
    readProjection: (projection: Readonly<Record<string, unknown>>, receivedAt: Date) =>
      reader.read(projection, receivedAt),
  };
  const { metadataKeys, maxEventCostUsd } = config.reader;
  await server.register(
    rejectedRoutes(
      { replay, rejected, reader },
      { ledgerDeadlineMs, metadataKeys, stripe: parts.stripeOffset },
    ),
  );
  await server.register(
    unpricedRoutes({ price: { ...recordPorts, unpriced }, unpriced }, { maxEventCostUsd, ledgerDeadlineMs }),
  );
}

function startConsumer(parts: Parts): void {
  const { stream, rejected, clock } = parts.ports;
  if (stream === null) return;
  const { rules, reader, recorder, metrics, logger } = parts;
  const { deadLetters } = stream;
  stream.subscription.start((batch) =>
    consumeBatch({ rules, reader, recorder, rejected, deadLetters, clock, metrics, logger }, batch),
  );
}

/** Figures that are asked for at each scrape. What cannot be had keeps its last value. */
function addGauges(registry: Metrics, { ports, rules, recorder }: Parts): void {
  const counted = (
    name: 'rejected_events_open' | 'unpriced_events_open',
    of: { readonly help: string; readonly count: () => Promise<number> },
  ) => {
    const gauge: Gauge<never> = registry.gauge(name, of.help, [], {
      collect: async () => {
        await of.count().then(
          (count) => gauge.set(count),
          () => undefined,
        );
      },
    });
  };
  counted('rejected_events_open', {
    help: 'Refused events that nobody replayed or dismissed yet.',
    count: () => ports.rejected.countOpen(),
  });
  counted('unpriced_events_open', {
    help: 'Events whose cost is unknown and that nobody priced yet.',
    count: () => ports.unpriced.countOpen(),
  });
  const version: Gauge<never> = registry.gauge('rules_version', 'The published rules in force here.', [], {
    collect: () => version.set(rules.problem() === null ? rules.current().version : 0),
  });
  const waiting: Gauge<never> = registry.gauge('intake_queue_events', 'Events waiting for the ledger.', [], {
    collect: () => waiting.set(recorder.waitingEvents()),
  });
  const subscription = ports.stream?.subscription;
  if (subscription === undefined) return;
  const joined: Gauge<never> = registry.gauge('kafka_consumer_joined', '1 while a member of the group.', [], {
    collect: () => joined.set(subscription.isJoined() ? 1 : 0),
  });
  const lag: Gauge<never> = registry.gauge('kafka_consumer_lag', 'Messages not yet committed.', [], {
    collect: () => lag.set(subscription.lag() ?? Number.NaN),
  });
}
