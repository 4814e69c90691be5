import { EventStreamUnavailable } from '@spendgate/domain';
import type { Producer, ProducerConfig } from 'kafkajs';
import { Partitioners } from 'kafkajs';
import type { EventAppender, StreamRecord } from './event-stream.ts';
import { withinTime } from './within-time.ts';

/** The broker waits this long for its replicas. */
const ACKS_TIMEOUT_MS = 3_000;
/** The whole of an `append`, with connecting and retries. */
const APPEND_TIMEOUT_MS = 5_000;
/** A broker refuses record batches over its `message.max.bytes`, 1 MiB by default; characters may be 3 bytes. */
const CHUNK_MAX_CHARS = 300_000;
const ALL_IN_SYNC_REPLICAS = -1;

export interface KafkaAppender extends EventAppender {
  close(): Promise<void>;
}

type OpenProducer = Pick<Producer, 'connect' | 'disconnect' | 'send'>;

/** Appends to one topic, connecting on first use; the topic is made again should it have gone. */
export function createKafkaAppender(
  kafka: { producer(config: ProducerConfig): OpenProducer },
  of: { readonly topic: string; readonly ensureTopic: () => Promise<void> },
): KafkaAppender {
  let current: Promise<OpenProducer> | undefined;

  const connect = async (): Promise<OpenProducer> => {
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000 },
    });
    await of.ensureTopic();
    await producer.connect();
    return producer;
  };

  const appendAll = async (
    connecting: Promise<OpenProducer>,
    records: readonly StreamRecord[],
  ): Promise<void> => {
    const producer = await connecting;
    for (const chunk of chunks(records)) {
      await producer.send({
        topic: of.topic,
        acks: ALL_IN_SYNC_REPLICAS,
        timeout: ACKS_TIMEOUT_MS,
        messages: chunk.map(({ key, value }) => ({ key, value })),
      });
    }
  };

  /** Several appends may fail on one producer; the later ones must not take the next one from others. */
  const giveUp = async (connecting: Promise<OpenProducer> | undefined): Promise<void> => {
    if (connecting !== current) return;
    current = undefined;
    await connecting?.then(
      (producer) => producer.disconnect(),
      () => undefined,
    );
  };

  return {
    append: async (records) => {
      if (records.length === 0) return;
      const connecting = (current ??= connect());
      try {
        await withinTime({ timeoutMs: APPEND_TIMEOUT_MS, late }, appendAll(connecting, records));
      } catch (error) {
        // A new connection, and a new look at the topic, for whoever comes next.
        giveUp(connecting).catch(() => undefined);
        throw new EventStreamUnavailable(`could not append to ${of.topic}`, { cause: error });
      }
    },
    close: () => giveUp(current),
  };
}

function late(): Error {
  return new Error(`no answer within ${APPEND_TIMEOUT_MS} ms`);
}

function* chunks(records: readonly StreamRecord[]): Generator<readonly StreamRecord[]> {
  let chunk: StreamRecord[] = [];
  let chars = 0;
  for (const record of records) {
    if (chunk.length > 0 && chars + record.value.length > CHUNK_MAX_CHARS) {
      yield chunk;
      chunk = [];
      chars = 0;
    }
    chunk.push(record);
    chars += record.value.length;
  }
  yield chunk;
}
