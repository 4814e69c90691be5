import { setTimeout as sleep } from 'node:timers/promises';
import { SpendStoreUnavailable } from '@spendgate/domain';
import { Cluster, Redis, ReplyError } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import type { RedisClient } from './redis-client.ts';
import { fromRedis, fromRedisWithin, toRedisFailure } from './redis-failure.ts';

export interface RedisSettings {
  /** `redis://` or `rediss://`, of one server or of any node of a cluster. */
  readonly redisUrl: string;
  /** As it stands in CLIENT LIST. */
  readonly name: string;
  /** How long any one command may take; default 2000. */
  readonly commandTimeoutMs?: number;
  /** How long to wait for the first connection; default 10000. */
  readonly readyTimeoutMs?: number;
  /** Told once when the connection is lost and once when it is back. Never holds the password. */
  readonly onConnection?: (change: RedisConnectionChange) => void;
}

export interface RedisConnectionChange {
  readonly state: 'lost' | 'restored';
  readonly detail: string;
}

const DEFAULT_COMMAND_TIMEOUT_MS = 2_000;
const DEFAULT_READY_TIMEOUT_MS = 10_000;
const MOST_BACKOFF_MS = 2_000;
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Connects and waits until Redis is ready; a node of a cluster gives a client of the whole cluster. The
 * client reconnects for ever. Commands fail at once while there is no connection, and a server that hangs
 * is hung up on, so nothing queues behind it.
 * @throws SpendStoreUnavailable naming the host, never the password
 */
export async function connectRedis(settings: RedisSettings): Promise<RedisClient> {
  const options = toNodeOptions(settings);
  const single = new Redis(settings.redisUrl, {
    ...options,
    enableOfflineQueue: false,
    retryStrategy: backoffMs,
  });
  const client = await whenReady(single, settings);
  if (!(await isClusterNode(single))) return client;
  single.disconnect();
  const { hostname, port } = new URL(settings.redisUrl);
  const cluster = new Cluster([{ host: hostname, port: Number(port || DEFAULT_PORT) }], {
    redisOptions: { ...options, ...accountOf(single) },
    enableOfflineQueue: false,
    maxRedirections: 4,
    clusterRetryStrategy: backoffMs,
    lazyConnect: true,
  });
  return whenReady(cluster, settings);
}

/** Ends the connection after the commands already sent; at once when there is none. */
export async function closeRedis(redis: RedisClient): Promise<void> {
  const quit = redis.quit().catch(() => 'not connected');
  const timeout = new AbortController();
  await Promise.race([
    quit,
    sleep(CLOSE_TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => 'quit'),
  ]);
  timeout.abort();
  redis.disconnect();
}

/** @throws SpendStoreUnavailable when Redis does not answer in time */
export async function pingRedis(redis: RedisClient): Promise<void> {
  await fromRedis('ping', redis.ping());
}

/** What the URL said of who we are and how we connect; it holds for every node. */
function accountOf(redis: Redis): {
  username?: string;
  password?: string;
  tls?: NonNullable<RedisOptions['tls']>;
} {
  const { username, password, tls } = redis.options;
  return {
    ...(username === undefined || username === null ? {} : { username }),
    ...(password === undefined || password === null ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
}

const DEFAULT_PORT = '6379';

/** What holds for a single server and for each node of a cluster. */
function toNodeOptions(settings: RedisSettings) {
  const commandTimeout = settings.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
  return {
    connectionName: settings.name,
    // Every server and proxy speaks it, and our replies are the same in both.
    protocol: 2 as const,
    lazyConnect: true,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout,
    socketTimeout: 2 * commandTimeout,
    connectTimeout: settings.readyTimeoutMs ?? DEFAULT_READY_TIMEOUT_MS,
    keepAlive: 10_000,
    // A master that became a replica: find the new one behind the same name.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  };
}

function backoffMs(attempt: number): number {
  return Math.min(MOST_BACKOFF_MS, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

async function whenReady<T extends RedisClient>(client: T, settings: RedisSettings): Promise<T> {
  const url = new URL(settings.redisUrl);
  const place = `${url.protocol}//${url.hostname}:${url.port || DEFAULT_PORT}`;
  let detail = 'no answer';
  client.on('error', (error: Error) => {
    detail = error.message;
  });
  const ready = new Promise<void>((resolve) => client.once('ready', resolve));
  // Its own promise fails with the first attempt; we wait for a later one until the timeout.
  client.connect().catch((error: unknown) => {
    detail = error instanceof Error ? error.message : detail;
  });
  const timeoutMs = settings.readyTimeoutMs ?? DEFAULT_READY_TIMEOUT_MS;
  try {
    await fromRedisWithin('connect', timeoutMs, ready);
  } catch (error) {
    client.disconnect();
    throw new SpendStoreUnavailable(`Redis at ${place} is not ready after ${timeoutMs} ms: ${detail}`, {
      cause: error,
    });
  }
  reportChanges(client, { place, detail: () => detail, onConnection: settings.onConnection });
  return client;
}

function reportChanges(
  client: RedisClient,
  of: {
    readonly place: string;
    readonly detail: () => string;
    readonly onConnection: RedisSettings['onConnection'];
  },
): void {
  let lost = false;
  client.on('close', () => {
    if (!lost) of.onConnection?.({ state: 'lost', detail: `Redis at ${of.place}: connection lost` });
    lost = true;
  });
  client.on('ready', () => {
    if (lost) of.onConnection?.({ state: 'restored', detail: `Redis at ${of.place}: after ${of.detail()}` });
    lost = false;
  });
}

async function isClusterNode(redis: Redis): Promise<boolean> {
  try {
    return /^cluster_enabled:1/mu.test(await redis.info('cluster'));
  } catch (error) {
    // A server that refuses INFO tells so; then it is taken for a single one.
    if (error instanceof ReplyError) return false;
    throw toRedisFailure(error, 'info');
  }
}
