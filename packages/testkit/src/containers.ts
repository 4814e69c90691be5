import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import { freePort } from './free-port.ts';
import type { RedisOptions } from './start-redis.ts';
import type { StartedServer } from './start-postgres.ts';

const IMAGES = {
  postgres: 'postgres:18-alpine',
  redis: 'redis:8-alpine',
  kafka: 'apache/kafka:4.1.0',
} as const;
const PULL_TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 60_000;

/** Whether a Docker daemon answers; asked within two seconds, before any library spends time on searching one. */
export async function dockerAnswers(): Promise<boolean> {
  const host = process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
  const address = host.startsWith('unix://')
    ? { socketPath: host.slice('unix://'.length) }
    : {
        host: new URL(host.replace(/^tcp/, 'http')).hostname,
        port: new URL(host.replace(/^tcp/, 'http')).port,
      };
  return await new Promise<boolean>((resolve) => {
    const asked = request({ ...address, path: '/_ping', timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

async function container(image: string) {
  const { GenericContainer, ImageName, getContainerRuntimeClient } = await import('testcontainers');
  const client = await getContainerRuntimeClient();
  const name = ImageName.fromString(image);
  if (!(await client.image.exists(name))) {
    const late = new Promise<never>((_resolve, reject) => {
      const failure = new Error(`${image} could not be pulled in ${PULL_TIMEOUT_MS / 1000} s`);
      setTimeout(() => reject(failure), PULL_TIMEOUT_MS).unref();
    });
    await Promise.race([client.image.pull(name), late]);
  }
  return new GenericContainer(image).withStartupTimeout(START_TIMEOUT_MS);
}

// Docker publishes ports on every address of the machine, so nothing here goes without a password.
function randomPassword(): string {
  return randomBytes(18).toString('hex');
}

/** PostgreSQL in a container, thrown away when it stops. */
export async function startPostgresContainer(): Promise<StartedServer> {
  const { Wait } = await import('testcontainers');
  const made = await container(IMAGES.postgres);
  const password = randomPassword();
  const started = await made
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(['postgres', '-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', 'max_connections=200'])
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start();
  return {
    url: `postgres://postgres:${password}@${started.getHost()}:${started.getMappedPort(5432)}/postgres`,
    how: `${IMAGES.postgres} (Docker)`,
    stop: async () => void (await started.stop()),
  };
}

/** Redis in a container; its data stays in `dataDir` unless it is thrown away. */
export async function startRedisContainer(options: RedisOptions): Promise<StartedServer> {
  const { Wait } = await import('testcontainers');
  const made = await container(IMAGES.redis);
  const keep = options.throwAway !== true;
  if (keep) mkdirSync(options.dataDir, { recursive: true });
  const password = randomPassword();
  const settings = [
    '--requirepass',
    password,
    '--maxmemory-policy',
    'noeviction',
    '--databases',
    '64',
    '--save',
    '',
  ];
  const started = await made
    .withCommand(['redis-server', ...settings, '--appendonly', keep ? 'yes' : 'no'])
    .withBindMounts(keep ? [{ source: options.dataDir, target: '/data' }] : [])
    .withExposedPorts(options.port === undefined ? 6379 : { container: 6379, host: options.port })
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .start();
  return {
    url: `redis://:${password}@${started.getHost()}:${started.getMappedPort(6379)}`,
    how: `${IMAGES.redis} (Docker)`,
    stop: async () => void (await started.stop()),
  };
}

/** Kafka in a container; its port is the same inside and outside, since it tells clients where it is. */
export async function startKafkaContainer(): Promise<StartedServer> {
  const { Wait } = await import('testcontainers');
  const made = await container(IMAGES.kafka);
  const port = await freePort();
  const started = await made
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    })
    .withExposedPorts({ container: port, host: port })
    .withWaitStrategy(Wait.forLogMessage('Kafka Server started'))
    .start();
  return {
    url: `127.0.0.1:${port}`,
    how: `${IMAGES.kafka} (Docker)`,
    stop: async () => void (await started.stop()),
  };
}
