import { CompressionCodecs, CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { kafkaTest, restamp, sampleEvent, waitFor } from '@spendgate/testkit';
import type { TestDatabase } from '@spendgate/testkit';
import { describe, expect, onTestFinished } from 'vitest';
import { z } from 'zod';
import { ledgerSums, publish, spentBySubject, startIngest } from './started-ingest.ts';
import type { IngestOptions, StartedIngest } from './started-ingest.ts';
import { gated } from './tcp-gate.ts';

const plain = sampleEvent('event-success-plain-cheap');
const fresh = (changes: Parameters<typeof restamp>[1] = {}) =>
  restamp(plain, { startedAt: new Date(), ...changes });

interface Stores {
  readonly database: TestDatabase;
  readonly redisUrl: string;
  readonly kafkaBrokers: string;
  readonly topicName: string;
}

const streamTest = kafkaTest.extend('stores', ({ database, redisUrl, kafkaBrokers, topicName }): Stores => ({
  database,
  redisUrl,
  kafkaBrokers,
  topicName,
}));

async function startOnKafka(stores: Stores, options: IngestOptions & { databaseUrl?: string } = {}) {
  const env = {
    KAFKA_BROKERS: stores.kafkaBrokers,
    KAFKA_TOPIC: stores.topicName,
    KAFKA_GROUP: stores.topicName,
    KAFKA_TOPIC_PARTITIONS: '4',
    ...options.env,
  };
  const databaseUrl = options.databaseUrl ?? stores.database.url;
  return startIngest({ databaseUrl, redisUrl: stores.redisUrl }, { ...options, env });
}

async function untilJoined(ingest: StartedIngest): Promise<void> {
  await waitFor(async () => (await fetch(`${ingest.url}/readyz`)).status === 200, {
    what: 'ingest to have joined its group',
    timeoutMs: 30_000,
  });
}

async function untilRows(database: TestDatabase, rows: number): Promise<void> {
  await waitFor(async () => (await ledgerSums(database)).rows >= rows, {
    what: `${rows} rows in the ledger`,
    timeoutMs: 30_000,
  });
}

function kafkaOf(stores: Stores): Kafka {
  return new Kafka({ brokers: [stores.kafkaBrokers], logLevel: logLevel.NOTHING });
}

/** Sends messages as another producer would. */
async function produce(stores: Stores, values: readonly (string | null)[]): Promise<void> {
  const producer = kafkaOf(stores).producer();
  await producer.connect();
  try {
    await producer.send({
      topic: stores.topicName,
      messages: values.map((value, index) => ({ key: `k${index % 17}`, value })),
    });
  } finally {
    await producer.disconnect();
  }
}

/** Sends one batch of messages to partition 0. */
async function producePacked(stores: Stores, values: readonly string[], compression: CompressionTypes) {
  const producer = kafkaOf(stores).producer();
  await producer.connect();
  try {
    const messages = values.map((value) => ({ value, partition: 0 }));
    await producer.send({ topic: stores.topicName, messages, compression });
  } finally {
    await producer.disconnect();
  }
}

/** Snappy as Kafka's own clients frame it, of literals only. */
function packSnappy({ buffer }: { readonly buffer: Buffer }): Promise<Buffer> {
  const length: number[] = [];
  let left = buffer.length;
  for (; left > 0x7f; left >>>= 7) length.push((left & 0x7f) | 0x80);
  const literal = Buffer.from([61 << 2, (buffer.length - 1) & 0xff, (buffer.length - 1) >>> 8]);
  const block = Buffer.concat([Buffer.from([...length, left]), literal, buffer]);
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(block.length);
  return Promise.resolve(Buffer.concat([header, size, block]));
}

async function consumeAll(stores: Stores, topic: string, count: number): Promise<readonly string[]> {
  const consumer = kafkaOf(stores).consumer({ groupId: `${stores.topicName}-reader` });
  const values: string[] = [];
  await consumer.connect();
  onTestFinished(() => consumer.disconnect());
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => void values.push(message.value?.toString() ?? ''),
  });
  await waitFor(() => values.length >= count, { what: `${count} messages in ${topic}`, timeoutMs: 30_000 });
  return values;
}

const offsetsSchema = z.array(z.object({ partition: z.number(), offset: z.string(), high: z.string() }));

describe('intake over Kafka', () => {
  streamTest('answers once Kafka has the events, and counts each once', async ({ stores }) => {
    await publish(stores.database.url);
    const ingest = await startOnKafka(stores);
    await untilJoined(ingest);
    const events = Array.from({ length: 50 }, (_, index) =>
      fresh({ endUser: `user-${index % 7}`, costUsd: 0.5 }),
    );
    expect(await ingest.post([...events, ...events, 'no object'])).toEqual({
      accepted: 100,
      duplicates: 0,
      rejected: 1,
      rejections: [{ index: 100, id: null, reason: 'invalid' }],
    });
    await untilRows(stores.database, 50);
    await waitFor(
      async () => {
        const { body } = await ingest.call('GET', '/v1/rejected-events');
        return z.object({ items: z.array(z.unknown()) }).parse(body).items.length === 1;
      },
      { what: 'the refused one to be parked', timeoutMs: 20_000 },
    );
    expect(await ledgerSums(stores.database)).toEqual({ rows: 50, cost: 25_000_000_000n });
    expect((await spentBySubject(stores.database))['global:proxy']).toBe(25_000_000_000n);
  });

  streamTest('takes payloads of other producers and counts none twice over both ways', async ({ stores }) => {
    await publish(stores.database.url);
    const ingest = await startOnKafka(stores);
    await untilJoined(ingest);
    const events = Array.from({ length: 20 }, () => fresh({ costUsd: 1 }));
    await ingest.post(events);
    await produce(
      stores,
      events.map((event) => JSON.stringify(event)),
    );
    await produce(stores, [JSON.stringify({ schemaVersion: 1, event: fresh({ costUsd: 1 }) })]);
    await untilRows(stores.database, 21);
    expect(await ledgerSums(stores.database)).toEqual({ rows: 21, cost: 21_000_000_000n });
  });

  streamTest('parks poison messages in both places and goes on behind them', async ({ stores }) => {
    await publish(stores.database.url);
    const ingest = await startOnKafka(stores, { env: { KAFKA_TOPIC_PARTITIONS: '1' } });
    await untilJoined(ingest);
    const odd = { ...fresh({ id: 'odd' }), status: 'odd', messages: 'SECRET' };
    await produce(stores, [
      'hello SECRET',
      null,
      JSON.stringify(odd),
      JSON.stringify(fresh()).replace(/"response_cost":[^,]+/u, '"response_cost":NaN'),
      JSON.stringify(fresh()),
    ]);
    await untilRows(stores.database, 1);
    const dead = await consumeAll(stores, `${stores.topicName}.dlq`, 4);
    expect(dead.join('')).not.toContain('SECRET');
    const { rows } = await stores.database.pool.query(
      'SELECT reason, source, source_offset FROM spendgate.rejected_events ORDER BY source_offset',
    );
    expect(rows).toEqual([
      { reason: 'not_json', source: 'kafka', source_offset: `${stores.topicName}/0/0` },
      { reason: 'not_json', source: 'kafka', source_offset: `${stores.topicName}/0/1` },
      { reason: 'invalid', source: 'kafka', source_offset: `${stores.topicName}/0/2` },
      { reason: 'invalid', source: 'kafka', source_offset: `${stores.topicName}/0/3` },
    ]);
  });

  streamTest('commits no offset before the ledger has the events', async ({ stores }) => {
    await publish(stores.database.url);
    const { url, gate } = await gated(stores.database.url, 5_432);
    const ingest = await startOnKafka(stores, { databaseUrl: url, env: { LEDGER_DEADLINE_MS: '300' } });
    await untilJoined(ingest);
    gate.shut();
    await ingest.post(Array.from({ length: 10 }, () => fresh({ costUsd: 1 })));
    const admin = kafkaOf(stores).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    await waitFor(
      async () => {
        const ends = offsetsSchema.parse(await admin.fetchTopicOffsets(stores.topicName));
        return ends.reduce((sum, { high }) => sum + Number(high), 0) === 10;
      },
      { what: 'the events to be on Kafka', timeoutMs: 10_000 },
    );
    const committed = async () => {
      const [topic] = await admin.fetchOffsets({ groupId: stores.topicName, topics: [stores.topicName] });
      return (topic?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    };
    expect(await committed()).toBe(0);
    gate.open();
    await untilRows(stores.database, 10);
    await waitFor(async () => (await committed()) === 10, { what: 'the offsets', timeoutMs: 20_000 });
  });

  streamTest('counts once what is delivered again from the beginning', async ({ stores }) => {
    await publish(stores.database.url);
    const first = await startOnKafka(stores);
    await untilJoined(first);
    await first.post(Array.from({ length: 30 }, () => fresh({ costUsd: 1 })));
    await untilRows(stores.database, 30);
    await first.stop();
    const second = await startOnKafka(stores, { env: { KAFKA_GROUP: `${stores.topicName}-again` } });
    await untilJoined(second);
    await second.post([fresh({ costUsd: 1 })]);
    await untilRows(stores.database, 31);
    await waitFor(
      async () =>
        /spendgate_events_total\{outcome="duplicate",source="kafka"[^}]*\} 30/u.test(
          await (await fetch(`${second.url}/metrics`)).text(),
        ),
      { what: 'thirty duplicates', timeoutMs: 20_000 },
    );
    expect(await ledgerSums(stores.database)).toEqual({ rows: 31, cost: 31_000_000_000n });
  });

  streamTest('loses and doubles nothing while instances come and go', async ({ stores }) => {
    await publish(stores.database.url);
    const first = await startOnKafka(stores);
    await untilJoined(first);
    const sent: string[] = [];
    const sendSome = async (ingest: StartedIngest, count: number) => {
      for (let done = 0; done < count; done += 50) {
        const events = Array.from({ length: 50 }, () =>
          fresh({ endUser: `user-${sent.length % 13}`, costUsd: 1 }),
        );
        sent.push(...events.map(({ id }) => String(id)));
        await ingest.post(events);
      }
    };
    const steady = sendSome(first, 1_500);
    const second = await startOnKafka(stores);
    await untilJoined(second);
    await sendSome(second, 500);
    const third = await startOnKafka(stores);
    await second.stop();
    await untilJoined(third);
    await steady;
    await first.stop();
    await untilRows(stores.database, sent.length);
    expect(await ledgerSums(stores.database)).toEqual({
      rows: sent.length,
      cost: BigInt(sent.length) * 1_000_000_000n,
    });
    expect((await spentBySubject(stores.database))['global:proxy']).toBe(
      BigInt(sent.length) * 1_000_000_000n,
    );
  });

  streamTest('goes on when the topic is deleted and made anew', async ({ stores }) => {
    await publish(stores.database.url);
    const ingest = await startOnKafka(stores);
    await untilJoined(ingest);
    await ingest.post(Array.from({ length: 40 }, () => fresh({ costUsd: 1 })));
    await untilRows(stores.database, 40);
    const admin = kafkaOf(stores).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    await admin.deleteTopics({ topics: [stores.topicName] });
    const events = Array.from({ length: 8 }, () => fresh({ costUsd: 1 }));
    await waitFor(async () => (await ingest.send(JSON.stringify(events))).status === 200, {
      what: 'events to be taken again',
      timeoutMs: 30_000,
    });
    await untilRows(stores.database, 48);
    expect((await ledgerSums(stores.database)).cost).toBe(48_000_000_000n);
  });

  streamTest('answers 503 when Kafka does not take the events', async ({ stores }) => {
    await publish(stores.database.url);
    const { gate } = await gated(`kafka://${stores.kafkaBrokers}`, 9_092);
    gate.shut();
    const ingest = await startOnKafka(stores, { env: { KAFKA_BROKERS: `127.0.0.1:${gate.port}` } });
    const refused = await ingest.send(JSON.stringify([fresh()]));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await fetch(`${ingest.url}/readyz`)).status).toBe(503);
  });
});

describe('packed records', () => {
  streamTest('are read when they are packed with gzip or zstd', async ({ stores }) => {
    await publish(stores.database.url);
    const ingest = await startOnKafka(stores);
    await untilJoined(ingest);
    for (const codec of [CompressionTypes.GZIP, CompressionTypes.ZSTD]) {
      await producePacked(
        stores,
        [fresh(), fresh()].map((event) => JSON.stringify(event)),
        codec,
      );
    }
    await untilRows(stores.database, 4);
  });

  streamTest('that cannot be read hold up their partition alone, and are named', async ({ stores }) => {
    await publish(stores.database.url);
    const ingest = await startOnKafka(stores);
    await untilJoined(ingest);
    const one = () => JSON.stringify(fresh());
    await producePacked(stores, [one(), one()], CompressionTypes.None);
    const ours = CompressionCodecs[CompressionTypes.Snappy];
    onTestFinished(() => {
      CompressionCodecs[CompressionTypes.Snappy] = ours;
    });
    CompressionCodecs[CompressionTypes.Snappy] = () => ({
      ...z.looseObject({}).parse(ours()),
      compress: packSnappy,
    });
    await producePacked(stores, [one(), one(), one()], CompressionTypes.Snappy);
    await producePacked(stores, [one()], CompressionTypes.None);
    const named = `${stores.topicName}/0/2: its records are packed with snappy; readable are none, gzip, zstd`;
    await waitFor(async () => (await (await fetch(`${ingest.url}/readyz`)).text()).includes(named), {
      what: 'the place to be named',
      timeoutMs: 30_000,
    });
    await produce(stores, Array.from({ length: 40 }, one));
    await waitFor(async () => (await ledgerSums(stores.database)).rows > 20, {
      what: 'the other partitions to be read',
      timeoutMs: 30_000,
    });
    expect((await fetch(`${ingest.url}/readyz`)).status).toBe(200);
    const admin = kafkaOf(stores).admin();
    await admin.connect();
    onTestFinished(() => admin.disconnect());
    const [offsets] = await admin.fetchOffsets({ groupId: stores.topicName, topics: [stores.topicName] });
    expect(offsets?.partitions.find(({ partition }) => partition === 0)?.offset).toBe('2');
  });
});
