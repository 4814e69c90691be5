import type { Logger } from '@spendgate/observability';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaConfig, SASLOptions } from 'kafkajs';
import type { EventStream, EventSubscription } from './event-stream.ts';
import { createKafkaAppender } from './kafka-appender.ts';
import { stopKafkaIdleTimer } from './kafka-idle-timer.ts';
import { registerKafkaCodecs } from './kafka-codecs.ts';
import { createKafkaLog } from './kafka-log.ts';
import { KafkaSubscription } from './kafka-subscription.ts';
import { ensureTopics } from './kafka-topics.ts';

export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl: SASLOptions | null;
  readonly topic: string;
  readonly groupId: string;
  readonly topicPartitions: number;
  readonly topicReplication: number;
}

const CONNECTION_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The event stream on Kafka: topic `topic`, dead letters beside it in `<topic>.dlq`, both made if they
 * are missing. Builds without network; connections are opened on first use and again after a loss.
 */
export function createKafkaStream(settings: KafkaSettings, logger: Logger): EventStream {
  if (!stopKafkaIdleTimer()) logger.warn('another kafkajs: its idle timer is left as it is');
  registerKafkaCodecs();
  const connection: KafkaConfig = {
    clientId: 'spendgate-ingest',
    brokers: [...settings.brokers],
    ssl: settings.ssl,
    ...(settings.sasl === null ? {} : { sasl: settings.sasl }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    logLevel: logLevel.WARN,
    logCreator: createKafkaLog(logger),
    retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000 },
  };
  const kafka = new Kafka(connection);
  const deadLetterTopic = `${settings.topic}.dlq`;
  const topics = [
    { topic: settings.topic, partitions: settings.topicPartitions, replication: settings.topicReplication },
    { topic: deadLetterTopic, partitions: 1, replication: settings.topicReplication },
  ];
  const ensure = () => ensureTopics(kafka, topics);
  const events = createKafkaAppender(kafka, { topic: settings.topic, ensureTopic: ensure });
  const deadLetters = createKafkaAppender(kafka, { topic: deadLetterTopic, ensureTopic: ensure });
  const member = new KafkaSubscription(kafka, {
    topic: settings.topic,
    groupId: settings.groupId,
    ensureTopic: ensure,
    logger,
  });
  // A plain object, so that whoever wraps the port may spread it.
  const subscription: EventSubscription = {
    start: (handle) => member.start(handle),
    isJoined: () => member.isJoined(),
    unreadable: () => member.unreadable(),
    lag: () => member.lag(),
    stop: () => member.stop(),
  };
  return {
    events,
    deadLetters,
    subscription,
    close: async () => {
      await subscription.stop();
      await Promise.all([events.close(), deadLetters.close()]);
    },
  };
}
