import { Redis } from 'ioredis';

export interface ClaimedRedis {
  readonly url: string;
  readonly index: number;
  /** Removes everything that was written since. */
  empty(): Promise<void>;
}

/**
 * An empty database of a Redis that belongs to somebody: the one that the URL names if it is empty, else the first
 * empty one of 1 to 15.
 * @throws Error when none is empty.
 */
export async function claimEmptyRedis(url: string): Promise<ClaimedRedis> {
  const named = Number.parseInt(new URL(url).pathname.slice(1) || '0', 10);
  for (const index of [named, ...Array.from({ length: 15 }, (_value, place) => place + 1)]) {
    const candidate = new URL(url);
    candidate.pathname = `/${index}`;
    const size = await withRedis(candidate.href, (redis) => redis.dbsize());
    if (size > 0) continue;
    const empty = async (): Promise<void> =>
      void (await withRedis(candidate.href, (redis) => redis.flushdb()));
    return { url: candidate.href, index, empty };
  }
  throw new Error('The Redis at REDIS_URL has no empty database. Unset REDIS_URL, or name another Redis.');
}

async function withRedis<T>(url: string, act: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5_000 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await act(redis);
  } finally {
    redis.disconnect();
  }
}
