import type { Logger } from '@spendgate/observability';
import type { Kafka } from 'kafkajs';
import { withAdmin } from './kafka-topics.ts';

const INTERVAL_MS = 5_000;

interface PartitionPlace {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
}

export interface TopicWatch {
  start(): void;
  /** Messages that the group has not committed; undefined while unknown. */
  lag(): number | undefined;
  stop(): Promise<void>;
}

/**
 * Looks at the topic's ends and the group's place in it every few seconds: for the lag, and to notice
 * that a topic was deleted and made anew. kafkajs would go on from its old place in the new topic and
 * never see what stands before it; an end that went back gives it away, and reading starts over (ids
 * make that harmless). A new topic that outgrows the old one between two looks goes unnoticed.
 */
export function createTopicWatch(
  kafka: Kafka,
  of: {
    readonly topic: string;
    readonly groupId: string;
    readonly logger: Logger;
    readonly onRecreated: (at: { topic: string; partition: number; offset: string }) => void;
  },
): TopicWatch {
  const highest = new Map<number, bigint>();
  let lag: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    const { ends, committed } = await withAdmin(kafka, async (admin) => ({
      ends: await admin.fetchTopicOffsets(of.topic),
      committed: await admin.fetchOffsets({ groupId: of.groupId, topics: [of.topic] }),
    }));
    const places = ends.map(({ partition, low, high }) => ({
      partition,
      low: BigInt(low),
      high: BigInt(high),
    }));
    for (const place of places) noticeRecreation(place);
    const done = new Map(
      committed[0]?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]),
    );
    lag = Number(places.reduce((sum, place) => sum + lagOf(place, done.get(place.partition)), 0n));
  };

  const noticeRecreation = ({ partition, low, high }: PartitionPlace): void => {
    if (high < (highest.get(partition) ?? 0n)) {
      of.logger.warn(
        { topic: of.topic, partition },
        'the topic was made anew: reading it from its beginning',
      );
      of.onRecreated({ topic: of.topic, partition, offset: low.toString() });
    }
    highest.set(partition, high);
  };

  const lookSafely = (): void => {
    looking ??= look()
      .catch(() => {
        // The consumer reports what ails Kafka; here only the figure is unknown.
        lag = undefined;
      })
      .finally(() => {
        looking = undefined;
      });
  };

  return {
    start: () => {
      timer = setInterval(lookSafely, INTERVAL_MS);
      lookSafely();
    },
    lag: () => lag,
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

/** A committed offset below zero means that the group has no place yet. */
function lagOf(place: PartitionPlace, committed: bigint | undefined): bigint {
  const from = committed === undefined || committed < place.low ? place.low : committed;
  return place.high > from ? place.high - from : 0n;
}
