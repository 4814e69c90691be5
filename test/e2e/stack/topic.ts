import { randomBytes } from 'node:crypto';
import { waitFor } from '@spendgate/testkit';
import { Kafka, Partitioners, logLevel } from 'kafkajs';
import type { Admin } from 'kafkajs';
import { leaveGroup } from './leave-group.ts';

const FETCH_WAIT_MS = 50;

/** A topic of the tests' own, not made yet, with the consumer group that ingest is to use. */
export interface Topic {
  readonly brokers: string;
  readonly name: string;
  readonly group: string;
  readonly deadLetters: string;
  /** Appends as another producer would. */
  produce(values: readonly string[]): Promise<void>;
  /**
   * Takes all members off the group, as the broker does by itself when a killed one has not been heard of for the
   * session timeout of 30 s.
   */
  forgetMembers(): Promise<void>;
  members(): Promise<number>;
  /** Offsets that the group has not committed; the end of each partition for a group without a place. */
  lag(): Promise<number>;
  /** What `produce` has appended. */
  readonly produced: ReadonlySet<string>;
  /** Every message of a topic from its beginning. */
  readAll(name: string): Promise<readonly Message[]>;
  close(): Promise<void>;
}

export interface Message {
  readonly key: string;
  readonly value: string;
}

export async function openTopic(brokers: string): Promise<Topic> {
  const kafka = new Kafka({
    clientId: 'spendgate-e2e',
    brokers: brokers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 5, initialRetryTime: 50 },
  });
  const name = `e2e-${randomBytes(8).toString('hex')}`;
  const group = `${name}-group`;
  const admin = kafka.admin();
  await admin.connect();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const produced = new Set<string>();
  const membersNow = async () => (await admin.describeGroups([group])).groups[0]?.members ?? [];
  return {
    brokers,
    name,
    group,
    deadLetters: `${name}.dlq`,
    produced,
    produce: async (values) => {
      for (const value of values) produced.add(value);
      await producer.send({ topic: name, acks: -1, messages: values.map((value) => ({ key: null, value })) });
    },
    members: async () => (await membersNow()).length,
    forgetMembers: async () => {
      for (const { memberId } of await membersNow()) await leaveGroup({ brokers, group, memberId });
      await waitFor(async () => (await membersNow()).length === 0, { what: 'the group to be empty' });
    },
    lag: async () => lagOf(admin, { topic: name, group }),
    readAll: async (topic) => readAll(kafka, admin, topic),
    close: async () => {
      await producer.disconnect();
      await admin.deleteTopics({ topics: await ownTopics(admin, name) }).catch(() => undefined);
      await admin.disconnect();
    },
  };
}

async function ownTopics(admin: Admin, name: string): Promise<string[]> {
  return (await admin.listTopics()).filter((topic) => topic === name || topic === `${name}.dlq`);
}

async function lagOf(admin: Admin, of: { readonly topic: string; readonly group: string }): Promise<number> {
  const ends = await admin.fetchTopicOffsets(of.topic);
  const [committed] = await admin.fetchOffsets({ groupId: of.group, topics: [of.topic] });
  const places = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  return ends.reduce(
    (sum, { partition, high }) => sum + Number(high) - Math.max(0, places.get(partition) ?? 0),
    0,
  );
}

async function readAll(kafka: Kafka, admin: Admin, topic: string): Promise<readonly Message[]> {
  const ends = await admin.fetchTopicOffsets(topic);
  const expected = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const messages: Message[] = [];
  const consumer = kafka.consumer({
    groupId: `${topic}-reader-${randomBytes(4).toString('hex')}`,
    maxWaitTimeInMs: FETCH_WAIT_MS,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => {
      messages.push({ key: message.key?.toString() ?? '', value: message.value?.toString() ?? '' });
    },
  });
  try {
    await waitFor(() => messages.length >= expected, {
      what: `${expected} messages of ${topic}`,
      timeoutMs: 20_000,
    });
  } finally {
    await consumer.disconnect();
  }
  return messages;
}
