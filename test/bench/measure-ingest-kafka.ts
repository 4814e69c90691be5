import { INGEST_TOKEN } from './bench-context.ts';
import type { BenchContext } from './bench-context.ts';
import { prepareDatabase } from './bench-rules.ts';
import { measureCpu } from './cpu-meter.ts';
import { figure, median } from './figure.ts';
import type { Figure } from './figure.ts';
import { measuredSide } from './measured-side.ts';
import { INGEST_RATIO_AT_MOST } from './measure-ingest-http.ts';
import { formatParts, runInterleaved } from './rounds.ts';
import type { Side } from './rounds.ts';
import { startServiceProcess } from './service-process.ts';
import { measuredReply, nothing } from './worker-commands.ts';
import { startWorkerProcess } from './worker-process.ts';

const TOPIC = 'litellm.spend';
const GROUP = 'spendgate-ingest';

/** CPU per event and events per second from a Kafka topic that holds a backlog of LiteLLM's own payloads. */
export async function measureIngestKafka(bench: BenchContext): Promise<readonly Figure[]> {
  const database = await bench.servers.createDatabase('bench_kafka');
  const floorDatabase = await bench.servers.createDatabase('bench_kafka_floor');
  await prepareDatabase(database.url, bench.now);
  await prepareDatabase(floorDatabase.url, bench.now);
  const redis = await bench.servers.startRedis('kafka', { durable: true });
  const kafka = await bench.servers.kafka();
  const service = await startServiceProcess({
    name: 'ingest',
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      KAFKA_BROKERS: kafka.url,
      INGEST_TOKENS: `bench:${INGEST_TOKEN}`,
      ADMIN_TOKENS: `bench:${INGEST_TOKEN}-admin`,
    },
    profileDir: bench.options.profileDir,
  });
  const load = await startWorkerProcess('load-kafka-process.ts');
  const floor = await startWorkerProcess('floor-insert-process.ts');
  const kafkaUsPerEvent: number[] = [];
  try {
    await load.command('connect', { brokers: [kafka.url], topic: TOPIC, groupId: GROUP }, nothing);
    await floor.command('connect', { databaseUrl: floorDatabase.url, sourceUrl: database.url }, nothing);
    const bodies = (round: number) => ({
      mix: { customers: 200, prefix: `kafka-r${round}`, startedAt: bench.now.getTime() / 1000 },
      events: bench.options.sizes.eventsPerRound,
      batch: 500,
    });
    const ours: Side = measuredSide({
      // The backlog is laid while ingest is held still, so that it takes full batches as after an outage.
      prepare: async (round) => {
        service.pause();
        await load.command('produce', bodies(round), nothing);
      },
      run: async () => {
        const drain = async () => {
          service.resume();
          return load.command('drain', null, measuredReply);
        };
        const { result, cpuUs } = await measureCpu({ kafka: kafka.pid }, drain);
        kafkaUsPerEvent.push((cpuUs['kafka'] ?? 0) / result.operations);
        return result;
      },
      parts: { service: service.pid, postgres: database.pid, redis: redis.pid },
    });
    const parseAndInsert: Side = measuredSide({
      prepare: async (round) => floor.command('prepare', bodies(round), nothing),
      run: async () => floor.command('run', null, measuredReply),
      parts: { process: floor.pid, postgres: database.pid },
    });
    const [drained, floored] = await runInterleaved([ours, parseAndInsert], bench.options.sizes);
    return [
      figure({
        figure: 'ingest_kafka_cpu_us_per_event',
        value: drained.cpuUsPerOperation,
        unit: 'µs',
        floor: floored.cpuUsPerOperation,
        limit: { of: 'ratio', atMost: INGEST_RATIO_AT_MOST },
        notes: [
          `a backlog of ${bench.options.sizes.eventsPerRound} events a round; Kafka's own CPU, not counted: ${median(kafkaUsPerEvent).toFixed(1)} µs`,
          formatParts('ours', drained.cpuUsByPart),
          formatParts('floor', floored.cpuUsByPart),
        ],
      }),
      figure({
        figure: 'ingest_kafka_events_per_s',
        value: drained.operationsPerSecond,
        unit: 'events/s',
        floor: floored.operationsPerSecond,
        notes: ['one ingest process, wall time until the offsets are committed'],
      }),
    ];
  } finally {
    service.resume();
    await Promise.all([load.stop(), floor.stop()]);
    await service.stop();
  }
}
