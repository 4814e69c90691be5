import {
  InvalidEnvironment,
  flag,
  integer,
  nameList,
  postgresUrl,
  readEnvironment,
  readTogether,
  redisUrl,
  secret,
} from '@spendgate/config';
import { LOG_LEVELS } from '@spendgate/observability';
import { AUTH_MODES, tokensOf, tokenFields } from '@spendgate/runtime';
import { z } from 'zod';
import type { KafkaSettings } from './kafka-stream.ts';

/** Beside the lanes, for reads, repairs and readiness. */
const SPARE_CONNECTIONS = 4;
/** Even where batches have less time than this, connecting and reading have not. */
const LEAST_ANSWER_TIMEOUT_MS = 1_000;

const environment = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65_535).default(4100),
  LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  AUTH: z.enum(AUTH_MODES).default('on'),
  INGEST_TOKENS: tokenFields.INGEST_TOKENS,
  INGEST_TOKENS_FILE: tokenFields.INGEST_TOKENS_FILE,
  READ_TOKENS: tokenFields.READ_TOKENS,
  READ_TOKENS_FILE: tokenFields.READ_TOKENS_FILE,
  ADMIN_TOKENS: tokenFields.ADMIN_TOKENS,
  ADMIN_TOKENS_FILE: tokenFields.ADMIN_TOKENS_FILE,
  METRICS_TOKEN: secret().optional(),
  SHUTDOWN_TIMEOUT_MS: integer(100, 600_000).default(25_000),
  DATABASE_URL: postgresUrl(),
  REDIS_URL: redisUrl(),
  COUNTER_BUCKETS: integer(1, 4_096).default(1),
  KAFKA_BROKERS: nameList().optional(),
  KAFKA_SSL: flag().default(false),
  KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
  KAFKA_SASL_USERNAME: secret().optional(),
  KAFKA_SASL_PASSWORD: secret().optional(),
  KAFKA_TOPIC: z
    .string()
    .regex(/^[\w.-]{1,200}$/u, 'must be letters, digits or . _ -')
    .default('litellm.spend'),
  KAFKA_GROUP: z
    .string()
    .regex(/^[\w.-]{1,200}$/u, 'must be letters, digits or . _ -')
    .default('spendgate-ingest'),
  KAFKA_TOPIC_PARTITIONS: integer(1, 10_000).default(12),
  KAFKA_TOPIC_REPLICATION: integer(1, 100).default(1),
  METADATA_KEYS: nameList().default([]),
  MAX_EVENT_COST_USD: integer(1, 1_000_000).default(10_000),
  INGEST_LANES: integer(1, 8).default(4),
  MAX_WAITING_EVENTS: integer(1, 10_000_000).default(20_000),
  LEDGER_DEADLINE_MS: integer(100, 60_000).default(4_000),
  LITELLM_PREMIUM_MODELS_ALIASES: nameList().optional(),
  IDENTITY_SUFFIX: z.enum(['budget_id', 'category']).optional(),
  CLI_USER_AGENTS: nameList().optional(),
});
type Environment = z.output<typeof environment>;

export type IngestConfig = ReturnType<typeof parseConfig>;

/** Reads ingest's settings. @throws Error - one, naming every bad variable, never its value. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>) {
  const [read, tokens] = readTogether(
    () => readEnvironment(environment, env),
    () => tokensOf({ env, scopes: ['ingest'] }),
    () => checkSasl(env),
  );
  return {
    host: read.HOST,
    port: read.PORT,
    logLevel: read.LOG_LEVEL,
    shutdownTimeoutMs: read.SHUTDOWN_TIMEOUT_MS,
    tokens,
    metricsToken: read.METRICS_TOKEN ?? null,
    ledger: {
      databaseUrl: read.DATABASE_URL,
      applicationName: 'spendgate-ingest',
      maxConnections: read.INGEST_LANES + SPARE_CONNECTIONS,
      ...toTimeouts(read.LEDGER_DEADLINE_MS),
    },
    redis: { redisUrl: read.REDIS_URL, counterBuckets: read.COUNTER_BUCKETS },
    kafka: toKafka(read),
    reader: { metadataKeys: read.METADATA_KEYS, maxEventCostUsd: read.MAX_EVENT_COST_USD },
    lanes: read.INGEST_LANES,
    maxWaitingEvents: read.MAX_WAITING_EVENTS,
    ledgerDeadlineMs: read.LEDGER_DEADLINE_MS,
    ownSettings: {
      premiumAliases: read.LITELLM_PREMIUM_MODELS_ALIASES ?? null,
      identitySuffix: read.IDENTITY_SUFFIX ?? null,
      cliUserAgents: read.CLI_USER_AGENTS ?? null,
    },
  };
}

/** The server gives up a statement shortly before we give up the server, and we do so when the batch must be answered. */
function toTimeouts(deadlineMs: number) {
  const answerTimeoutMs = Math.max(deadlineMs, LEAST_ANSWER_TIMEOUT_MS);
  return { answerTimeoutMs, statementTimeoutMs: Math.ceil((answerTimeoutMs * 7) / 8) };
}

function toKafka(read: Environment): KafkaSettings | null {
  const brokers = read.KAFKA_BROKERS ?? [];
  if (brokers.length === 0) return null;
  return {
    brokers,
    ssl: read.KAFKA_SSL,
    sasl: toSasl(read),
    topic: read.KAFKA_TOPIC,
    groupId: read.KAFKA_GROUP,
    topicPartitions: read.KAFKA_TOPIC_PARTITIONS,
    topicReplication: read.KAFKA_TOPIC_REPLICATION,
  };
}

function toSasl(read: Environment): KafkaSettings['sasl'] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username } = read;
  const password = read.KAFKA_SASL_PASSWORD;
  if (mechanism === undefined || username === undefined || password === undefined) return null;
  // One case for each mechanism: kafkajs' type is a union by it.
  if (mechanism === 'plain') return { mechanism, username, password };
  return mechanism === 'scram-sha-256'
    ? { mechanism, username, password }
    : { mechanism, username, password };
}

/** @throws InvalidEnvironment - when some of the three variables are set and some are not. */
function checkSasl(env: Readonly<Record<string, string | undefined>>): void {
  const names = ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];
  const isSet = (name: string): boolean => (env[name]?.trim() ?? '') !== '';
  const set = names.filter((name) => isSet(name) || isSet(`${name}_FILE`));
  if (set.length !== 0 && set.length !== names.length) {
    throw new InvalidEnvironment([`${names.join(', ')}: set all three or none`]);
  }
}
