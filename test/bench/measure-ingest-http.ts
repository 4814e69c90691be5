import { INGEST_TOKEN } from './bench-context.ts';
import type { BenchContext } from './bench-context.ts';
import { prepareDatabase } from './bench-rules.ts';
import { figure } from './figure.ts';
import type { Figure } from './figure.ts';
import { measuredSide } from './measured-side.ts';
import { formatParts, runAlone, runInterleaved } from './rounds.ts';
import type { Side, SideSummary } from './rounds.ts';
import { startServiceProcess } from './service-process.ts';
import { measuredReply, nothing } from './worker-commands.ts';
import { startWorkerProcess } from './worker-process.ts';
import type { WorkerProcess } from './worker-process.ts';

const CONNECTIONS = 4;
const CONNECTIONS_OF_SMALL_BATCHES = 16;
const CALM_BATCHES_PER_SECOND = 40;
const CALM_BATCHES = 80;
const CALM_ROUNDS = 3;
export const INGEST_RATIO_AT_MOST = 2;

/** CPU per event over HTTP straight to the ledger, in batches of 500 and of 10. */
export async function measureIngestHttp(bench: BenchContext): Promise<readonly Figure[]> {
  const { sizes } = bench.options;
  const large = await measureBatches(bench, {
    name: 'http500',
    batch: 500,
    events: sizes.eventsPerRound,
    connections: CONNECTIONS,
    calm: false,
  });
  const small = await measureBatches(bench, {
    name: 'http10',
    batch: 10,
    events: sizes.eventsPerRoundOfSmallBatches,
    connections: CONNECTIONS_OF_SMALL_BATCHES,
    calm: true,
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
      figure: 'ingest_http_p50_ms_batch10_at_40_per_s',
      value: small.calm?.p50Ms ?? Number.NaN,
      unit: 'ms',
      notes: [
        `counted from when a batch was due; the slowest of a hundred: ${small.calm?.p99Ms.toFixed(1)} ms`,
      ],
    }),
  ];
}

interface Measured {
  readonly floor: SideSummary;
  readonly ours: SideSummary;
  /** Answer times while batches come at a gentle rate, where asked for. */
  readonly calm: SideSummary | null;
}

async function measureBatches(
  bench: BenchContext,
  of: {
    readonly name: string;
    readonly batch: number;
    readonly events: number;
    readonly connections: number;
    readonly calm: boolean;
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
      run: async () => load.command('run', { perSecond: null }, measuredReply),
      parts: { service: service.pid, postgres: database.pid, redis: redis.pid },
    });
    const parseAndInsert: Side = measuredSide({
      prepare: async (round) => floor.command('prepare', bodies(round), nothing),
      run: async () => floor.command('run', null, measuredReply),
      parts: { process: floor.pid, postgres: database.pid },
    });
    const [busy, floored] = await runInterleaved([ours, parseAndInsert], bench.options.sizes);
    const calm = of.calm ? await runAlone(calmSide(bench, load, of), { rounds: CALM_ROUNDS }) : null;
    return { ours: busy, floor: floored, calm };
  } finally {
    await Promise.all([load.stop(), floor.stop()]);
    await service.stop();
  }
}

function calmSide(bench: BenchContext, load: WorkerProcess, of: { name: string; batch: number }): Side {
  const startedAt = bench.now.getTime() / 1000;
  return measuredSide({
    prepare: async (round) => {
      const mix = { customers: 200, prefix: `${of.name}-c${round}`, startedAt };
      await load.command('prepare', { mix, events: CALM_BATCHES * of.batch, batch: of.batch }, nothing);
    },
    run: async () => load.command('run', { perSecond: CALM_BATCHES_PER_SECOND }, measuredReply),
    parts: {},
  });
}

function describe(measured: Measured, how: string): readonly string[] {
  return [
    `${how}; ${Math.round(measured.ours.operationsPerSecond)} events/s`,
    formatParts('ours', measured.ours.cpuUsByPart),
    formatParts('floor', measured.floor.cpuUsByPart),
  ];
}
