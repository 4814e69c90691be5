import { randomUUID } from 'node:crypto';
import { createPurgeHorizon } from '@spendgate/application';
import { decodeRules, encodeRules } from '@spendgate/config';
import { connectLedger } from '@spendgate/ledger';
import { createLogger, createMetrics } from '@spendgate/observability';
import type { Logger } from '@spendgate/observability';
import {
  assertNoEviction,
  closeRedis,
  connectRedis,
  createCounterCopy,
  createRulesCopy,
} from '@spendgate/redis-store';
import { closeGracefully, createServer, listen, registerOperations, runService } from '@spendgate/runtime';
import { createClosePeriodsJob } from './close-periods-job.ts';
import { parseConfig } from './config.ts';
import type { JobsConfig } from './config.ts';
import { createJobQueue } from './job-queues.ts';
import type { Job } from './job.ts';
import { createJobsMetrics } from './jobs-metrics.ts';
import type { JobsMetrics } from './jobs-metrics.ts';
import { jobsRoute } from './jobs-route.ts';
import { createPartitionsJob } from './partitions-job.ts';
import { watchPlans } from './plan-watch.ts';
import { createPublishRulesJob } from './publish-rules-job.ts';
import { createReadiness } from './readiness.ts';
import { createJobRunner } from './run-job.ts';
import { createSweepJob } from './sweep-job.ts';
import { createWalkJob } from './walk-job.ts';

const BODY_LIMIT_BYTES = 65_536;
const LEDGER_CONNECTIONS = 6;
const STATEMENT_TIMEOUT_MS = 60_000;
/** Redis that lost up to this much of its writes catches up from the changes instead of being rebuilt. */
const CHANGES_KEEP_MS = 600_000;

const now = (): Date => new Date();

await runService('jobs', async (life) => {
  const config = parseConfig(process.env);
  const logger = createLogger({ service: 'jobs', level: config.logLevel });
  life.configure({ logger, shutdownTimeoutMs: config.shutdownTimeoutMs });
  const metrics = createMetrics({ service: 'jobs' });
  const jobsMetrics = createJobsMetrics(metrics);

  const ledger = life.own('postgresql', await openLedger(config), async (connection) => connection.close());
  const redis = life.own('redis', await openRedis(config, logger), closeRedis);
  const stores = createStores(config, { ledger, redis });
  const jobs = createJobs(config, { stores, logger, metrics: jobsMetrics });

  // Before anything runs: a broken file must stop the start, and nothing can be counted without rules.
  await jobs.publish.run();

  const run = createJobRunner({ metrics: jobsMetrics, logger, now });
  const queues = jobs.all.map((job) => createJobQueue(job, { redisUrl: config.redisUrl, run, logger }));
  life.own('queues', queues, async (owned) => Promise.all(owned.map(async (queue) => queue.close())));
  life.own('plan-watch', await watchPlans(queues, { logger }), (watch) => watch.close());

  const server = createServer({
    service: 'jobs',
    logger,
    tokens: config.tokens,
    metrics,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    openApi: { title: 'Spendgate jobs', version: '1' },
  });
  registerOperations(server, {
    readiness: createReadiness(stores, { sweepIntervalMs: config.intervalsMs.sweep, now }),
    registry: metrics.registry,
    metricsToken: config.metricsToken,
    stopping: () => life.stopping,
  });
  server.register(jobsRoute(queues));
  life.own('http', await listen(server, config), closeGracefully);
});

async function openLedger(config: JobsConfig) {
  const ledger = await connectLedger({
    databaseUrl: config.databaseUrl,
    applicationName: 'spendgate-jobs',
    maxConnections: LEDGER_CONNECTIONS,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  await ledger.assertSchemaCurrent();
  return ledger;
}

async function openRedis(config: JobsConfig, logger: Logger) {
  const redis = await connectRedis({
    redisUrl: config.redisUrl,
    name: 'spendgate-jobs',
    onConnection: (change) => logger.warn(change, 'the connection to Redis changed'),
  });
  const eviction = await assertNoEviction(redis);
  if (eviction === 'unknown') logger.warn('Redis does not tell its maxmemory-policy; it must be noeviction');
  return redis;
}

type Stores = ReturnType<typeof createStores>;

function createStores(
  config: JobsConfig,
  of: {
    readonly ledger: Awaited<ReturnType<typeof openLedger>>;
    readonly redis: Awaited<ReturnType<typeof openRedis>>;
  },
) {
  return {
    ledger: of.ledger,
    upkeep: of.ledger.upkeep,
    source: of.ledger.counterSource,
    rules: of.ledger.rules,
    copy: createCounterCopy(of.redis, { counterBuckets: config.counterBuckets }),
    rulesCopy: createRulesCopy(of.redis),
    horizon: createPurgeHorizon({ keepMs: CHANGES_KEEP_MS, now }),
    newToken: randomUUID,
    codec: { encode: encodeRules, decode: decodeRules },
  };
}

function createJobs(
  config: JobsConfig,
  of: { readonly stores: Stores; readonly logger: Logger; readonly metrics: JobsMetrics },
): { readonly publish: Job; readonly all: readonly Job[] } {
  const { stores } = of;
  const { intervalsMs } = config;
  const common = { metrics: of.metrics, logger: of.logger, now };
  const redis = { rulesCopy: stores.rulesCopy, source: stores.source, counterBuckets: config.counterBuckets };
  const publish = createPublishRulesJob(
    { rules: stores.rules, codec: stores.codec, redis },
    { ...common, everyMs: intervalsMs['publish-rules'], sources: config.rulesSources },
  );
  const all = [
    createSweepJob(stores, { ...common, everyMs: intervalsMs.sweep }),
    createWalkJob(stores, { ...common, everyMs: intervalsMs.walk }),
    createClosePeriodsJob(stores, {
      ...common,
      everyMs: intervalsMs['close-periods'],
      graceMs: config.closeGraceMs,
    }),
    createPartitionsJob(stores.upkeep, {
      ...common,
      everyMs: intervalsMs.partitions,
      monthsAhead: config.partitionMonthsAhead,
    }),
    publish,
  ];
  return { publish, all };
}
