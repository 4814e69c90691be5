import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, Partitioners, logLevel } from 'kafkajs';
import type { Admin, Producer } from 'kafkajs';
import { createSampleEvents } from './sample-events.ts';
import { serveCommands } from './serve-commands.ts';
import { bodiesCommand, connectKafkaCommand } from './worker-commands.ts';

interface Connection {
  readonly producer: Producer;
  readonly admin: Admin;
  readonly topic: string;
  readonly groupId: string;
}

const SENT_AT_ONCE = 250;
const DRAIN_TIMEOUT_MS = 120_000;

let connection: Connection | undefined;
let produced = 0;

// Lays a backlog of LiteLLM's payloads on the topic, keyed by customer, and tells when the group has committed it.
serveCommands({
  connect: async (payload) => {
    const of = connectKafkaCommand.parse(payload);
    const kafka = new Kafka({
      clientId: 'spendgate-bench',
      brokers: of.brokers,
      logLevel: logLevel.NOTHING,
      requestTimeout: 60_000,
    });
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    const admin = kafka.admin();
    await Promise.all([producer.connect(), admin.connect()]);
    connection = { producer, admin, topic: of.topic, groupId: of.groupId };
  },
  produce: async (payload) => {
    const of = bodiesCommand.parse(payload);
    if (connection === undefined) throw new Error('connect first');
    const eventAt = createSampleEvents(of.mix);
    for (let from = 0; from < of.events; from += SENT_AT_ONCE) {
      const size = Math.min(SENT_AT_ONCE, of.events - from);
      const messages = Array.from({ length: size }, (_, index) => {
        const event = eventAt(from + index);
        return { key: event.base, value: event.text };
      });
      await connection.producer.send({ topic: connection.topic, acks: -1, messages });
    }
    produced = of.events;
  },
  drain: async () => {
    if (connection === undefined) throw new Error('connect first');
    const startedMs = performance.now();
    while ((await lag(connection)) > 0n) {
      if (performance.now() - startedMs > DRAIN_TIMEOUT_MS)
        throw new Error('the group did not take the backlog');
      await delay(20);
    }
    return { operations: produced, wallMs: performance.now() - startedMs, p50Ms: null, p99Ms: null };
  },
});

async function lag(of: Connection): Promise<bigint> {
  const [ends, groups] = await Promise.all([
    of.admin.fetchTopicOffsets(of.topic),
    of.admin.fetchOffsets({ groupId: of.groupId, topics: [of.topic] }),
  ]);
  const committed = new Map(groups[0]?.partitions.map((entry) => [entry.partition, BigInt(entry.offset)]));
  return ends.reduce((sum, end) => {
    const offset = committed.get(end.partition) ?? 0n;
    return sum + BigInt(end.high) - (offset < 0n ? 0n : offset);
  }, 0n);
}
