import type { Admin, Kafka } from 'kafkajs';

export interface TopicWanted {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
}

const CREATE_TIMEOUT_MS = 5_000;

/** Makes the topics that are missing; those that exist stay as they are. Throws while one is missing. */
export async function ensureTopics(kafka: Kafka, wanted: readonly TopicWanted[]): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = wanted.filter(({ topic }) => !existing.has(topic));
    if (missing.length === 0) return;
    await admin.createTopics({
      waitForLeaders: true,
      timeout: CREATE_TIMEOUT_MS,
      topics: missing.map(({ topic, partitions, replication }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: replication,
      })),
    });
  });
}

/** Runs `use` on a connection of its own, closed afterwards. */
export async function withAdmin<Result>(
  kafka: Kafka,
  use: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}
