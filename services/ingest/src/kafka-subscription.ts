import type { Logger } from '@spendgate/observability';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { EventSubscription, StreamBatch } from './event-stream.ts';
import { findUnreadable, READABLE_CODECS } from './kafka-codecs.ts';
import { createTopicWatch } from './kafka-topic-watch.ts';
import type { TopicWatch } from './kafka-topic-watch.ts';

const SESSION_TIMEOUT_MS = 30_000;
const REBALANCE_TIMEOUT_MS = 60_000;
const HEARTBEAT_INTERVAL_MS = 3_000;
const FETCH_WAIT_MS = 500;
const FETCH_BYTES_PER_PARTITION = 4_194_304;
const FETCH_BYTES = 16_777_216;
/** Partitions handled side by side; their events are coalesced into common transactions. */
const PARTITIONS_AT_ONCE = 16;
const RESTART_PAUSE_MS = 1_000;
/** A partition that cannot be read is looked at again after this long; the broker may have dropped the records. */
const UNREADABLE_PAUSE_MS = 60_000;

export interface SubscriptionSettings {
  readonly topic: string;
  readonly groupId: string;
  readonly ensureTopic: () => Promise<void>;
  readonly logger: Logger;
}

type Handler = (batch: StreamBatch) => Promise<void>;

/**
 * A member of the consumer group that outlives its consumers: kafkajs' consumer ends on errors that it
 * takes for final (a topic that is gone for a while is one); then a new one is made, until `stop`.
 */
export class KafkaSubscription implements EventSubscription {
  readonly #kafka: Kafka;
  readonly #settings: SubscriptionSettings;
  readonly #watch: TopicWatch;
  readonly #unreadable = new Map<string, string>();
  #consumer: Consumer | undefined;
  #joined = false;
  #stopped = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(kafka: Kafka, settings: SubscriptionSettings) {
    this.#kafka = kafka;
    this.#settings = settings;
    this.#watch = createTopicWatch(kafka, { ...settings, onRecreated: (at) => this.#consumer?.seek(at) });
  }

  start(handle: Handler): void {
    this.#scheduleStart(handle, 0);
    this.#watch.start();
  }

  isJoined(): boolean {
    return this.#joined;
  }

  unreadable(): readonly string[] {
    return [...this.#unreadable.values()];
  }

  lag(): number | undefined {
    return this.#watch.lag();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#joined = false;
    clearTimeout(this.#restart);
    await this.#watch.stop();
    await this.#consumer?.disconnect();
  }

  #scheduleStart(handle: Handler, pauseMs = RESTART_PAUSE_MS): void {
    if (this.#stopped) return;
    clearTimeout(this.#restart);
    this.#restart = setTimeout(() => {
      this.#startConsumer(handle).catch((error: unknown) => {
        this.#settings.logger.warn({ err: error }, 'the Kafka consumer could not start; it is tried again');
        this.#consumer?.disconnect().catch(() => undefined);
        this.#scheduleStart(handle);
      });
    }, pauseMs);
  }

  async #startConsumer(handle: Handler): Promise<void> {
    const { topic } = this.#settings;
    await this.#settings.ensureTopic();
    if (this.#stopped) return;
    const { consumer, isOver } = this.#createConsumer(handle);
    this.#consumer = consumer;
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
      eachBatch: (payload) => this.#take(payload, { handle, isOver: () => isOver() || this.#stopped }),
    });
  }

  /** Hands on what can be read, up to what cannot; from there the partition waits. */
  async #take(
    payload: EachBatchPayload,
    of: { readonly handle: Handler; readonly isOver: () => boolean },
  ): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    const found = messages.map(findUnreadable);
    const end = found.findIndex((unreadable) => unreadable !== undefined);
    const readable = end === -1 ? messages : messages.slice(0, end);
    if (readable.length > 0) {
      this.#unreadable.delete(`${topic}/${partition}`);
      await of.handle(toStreamBatch(payload, { messages: readable, isEnding: of.isOver }));
    }
    const unreadable = found[end];
    if (unreadable === undefined) return;
    const place = `${topic}/${partition}/${unreadable.offset}`;
    const problem = `${place}: ${unreadable.reason}; readable are ${READABLE_CODECS}`;
    this.#unreadable.set(`${topic}/${partition}`, problem);
    this.#settings.logger.error(
      { topic, partition, offset: unreadable.offset, reason: unreadable.reason, readable: READABLE_CODECS },
      'a batch in Kafka cannot be read; its partition waits',
    );
    const resume = payload.pause();
    setTimeout(resume, UNREADABLE_PAUSE_MS).unref();
  }

  #createConsumer(handle: Handler) {
    const consumer = this.#kafka.consumer({
      groupId: this.#settings.groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_INTERVAL_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      maxBytes: FETCH_BYTES,
      allowAutoTopicCreation: false,
      retry: {
        retries: 3,
        initialRetryTime: 100,
        maxRetryTime: 1_000,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
    let over = false;
    consumer.on(consumer.events.GROUP_JOIN, () => {
      this.#joined = !over && !this.#stopped;
      // Partitions may have gone to others; what is still held up here is found again.
      this.#unreadable.clear();
    });
    consumer.on(consumer.events.REBALANCING, () => {
      this.#joined = false;
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      over = true;
      this.#joined = false;
      this.#settings.logger.warn({ err: payload.error }, 'the Kafka consumer ended; a new one follows');
      this.#scheduleStart(handle);
    });
    return { consumer, isOver: () => over };
  }
}

function toStreamBatch(
  payload: EachBatchPayload,
  of: { readonly messages: readonly KafkaMessage[]; readonly isEnding: () => boolean },
): StreamBatch {
  const { topic, partition } = payload.batch;
  return {
    topic,
    partition,
    messages: of.messages.map(({ offset, value, timestamp }) => ({
      offset,
      value,
      timestampMs: timestamp === '' ? Number.NaN : Number(timestamp),
    })),
    heartbeat: () => payload.heartbeat(),
    isOver: () => of.isEnding() || !payload.isRunning() || payload.isStale(),
    commit: async (offset) => {
      // The partition is to be read from elsewhere, since its topic was made anew: these offsets mean nothing there.
      if (payload.isStale()) return;
      payload.resolveOffset(offset);
      const next = (BigInt(offset) + 1n).toString();
      await payload.commitOffsetsIfNecessary({
        topics: [{ topic, partitions: [{ partition, offset: next }] }],
      });
    },
  };
}
