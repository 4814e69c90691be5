import { INGEST_TOKEN } from './bench-context.ts';
import type { BenchContext } from './bench-context.ts';
import { prepareDatabase } from './bench-rules.ts';
import { figure } from './figure.ts';
import type { Figure } from './figure.ts';
import { measuredSide } from './measured-side.ts';
import { formatParts, runInterleaved } from './rounds.ts';
import type { Side, SideSummary } from './rounds.ts';
import { startServiceProcess } from './service-process.ts';
import { measuredReply, nothing } from './worker-commands.ts';
import { startWorkerProcess } from './worker-process.ts';

const CONNECTIONS = 4;
const CONNECTIONS_OF_SMALL_BATCHES = 16;
export const INGEST_RATIO_AT_MOST = 2;

/** CPU per event over HTTP straight to the ledger, in batches of 500 and of 10. */
export async function measureIngestHttp(bench: BenchContext): Promise<readonly Figure[]> {
  const { sizes } = bench.options;
  const large = await measureBatches(bench, {
    name: 'http500',
    batch: 500,
    events: sizes.eventsPerRound,
    connections: CONNECTIONS,
  });
  const small = await measureBatches(bench, {
    name: 'http10',
    batch: 10,
    events: sizes.eventsPerRoundOfSmallBatches,
    connections: CONNECTIONS_OF_SMALL_BATCHES,
  });
  return [
    figure({
      figure: 'ingest_http_cpu_us_per_event',
      value: large.ours.cpuUsPerOperation,
      unit: 'µs',
      floor: large.floor.cpuUsPerOperation,
      limit: { of: 'ratio', atMost: INGEST_RATIO_AT_MOST },
      notes: describe(large, `batches of 500 over ${CONNECTIONS} connections`),
    }),
    figure({
      figure: 'ingest_http_cpu_us_per_event_batch10',
      value: small.ours.cpuUsPerOperation,
      unit: 'µs',
      floor: small.floor.cpuUsPerOperation,
      notes: describe(small, `batches of 10 over ${CONNECTIONS_OF_SMALL_BATCHES} connections`),
    }),
    figure({
      figure: 'ingest_http_p99_ms_batch10',
      value: small.ours.p99Ms,
      unit: 'ms',
      notes: ['answer time of a batch of 10 while all connections are busy'],
    }),
  ];
}

interface Measured {
  readonly floor: SideSummary;
  readonly ours: SideSummary;
}

async function measureBatches(
  bench: BenchContext,
  of: {
    readonly name: string;
    readonly batch: number;
    readonly events: number;
    readonly connections: number;
  },
): Promise<Measured> {
  const database = await bench.servers.createDatabase(`bench_${of.name}`);
  const floorDatabase = await bench.servers.createDatabase(`bench_${of.name}_floor`);
  await prepareDatabase(database.url, bench.now);
  await prepareDatabase(floorDatabase.url, bench.now);
  const redis = await bench.servers.startRedis(of.name, { durable: true });
  const service = await startServiceProcess({
    name: 'ingest',
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      INGEST_TOKENS: `bench:${INGEST_TOKEN}`,
      ADMIN_TOKENS: `bench:${INGEST_TOKEN}-admin`,
    },
    profileDir: bench.options.profileDir,
  });
  const load = await startWorkerProcess('load-events-process.ts');
  const floor = await startWorkerProcess('floor-insert-process.ts');
  try {
    const target = { url: service.url, token: INGEST_TOKEN, connections: of.connections };
    await load.command('connect', target, nothing);
    await floor.command('connect', { databaseUrl: floorDatabase.url, sourceUrl: database.url }, nothing);
    const bodies = (round: number) => ({
      mix: { customers: 200, prefix: `${of.name}-r${round}`, startedAt: bench.now.getTime() / 1000 },
      events: of.events,
      batch: of.batch,
    });
    // Ours goes first: the floor writes again what stands in our ledger then.
    const ours: Side = measuredSide({
      prepare: async (round) => load.command('prepare', bodies(round), nothing),
      run: async () => load.command('run', null, measuredReply),
      parts: { service: service.pid, postgres: database.pid, redis: redis.pid },
    });
    const parseAndInsert: Side = measuredSide({
      prepare: async (round) => floor.command('prepare', bodies(round), nothing),
      run: async () => floor.command('run', null, measuredReply),
      parts: { process: floor.pid, postgres: database.pid },
    });
    const [ownSummary, floorSummary] = await runInterleaved([ours, parseAndInsert], bench.options.sizes);
    return { ours: ownSummary, floor: floorSummary };
  } finally {
    await Promise.all([load.stop(), floor.stop()]);
    await service.stop();
  }
}

function describe(measured: Measured, how: string): readonly string[] {
  return [
    `${how}; ${Math.round(measured.ours.operationsPerSecond)} events/s`,
    formatParts('ours', measured.ours.cpuUsByPart),
    formatParts('floor', measured.floor.cpuUsByPart),
  ];
}
