import { setTimeout as sleep } from 'node:timers/promises';
import type { CounterCopy } from '@spendgate/application';
import { SpendStoreUnavailable } from '@spendgate/domain';
import type { Logger } from '@spendgate/observability';
import { assertNoEviction, closeRedis, connectRedis, createCounterCopy } from '@spendgate/redis-store';
import type { RedisClient } from '@spendgate/redis-store';

/** Long enough for a Redis that is there; one that is not must not keep ingest from starting. */
const FIRST_WAIT_MS = 2_000;
const ATTEMPT_TIMEOUT_MS = 5_000;
const PAUSE_MS = 1_000;
const COMMAND_TIMEOUT_MS = 1_000;

export interface CounterPush extends Pick<CounterCopy, 'put'> {
  /** @throws SpendStoreUnavailable, RedisEvicts */
  check(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Connects to Redis, in the background where that takes long: counting goes on without it, and what
 * could not be pushed the sweep owes.
 * @throws RedisEvicts when Redis is there and would drop counters.
 */
export async function connectCounterPush(
  of: { readonly redisUrl: string; readonly counterBuckets: number },
  logger: Logger,
): Promise<CounterPush> {
  const stop = new AbortController();
  let open: { readonly redis: RedisClient; readonly copy: CounterCopy } | undefined;

  const connect = async (): Promise<void> => {
    const redis = await connectRedis({
      redisUrl: of.redisUrl,
      name: 'spendgate-ingest',
      commandTimeoutMs: COMMAND_TIMEOUT_MS,
      readyTimeoutMs: ATTEMPT_TIMEOUT_MS,
      onConnection: ({ state, detail }) => logger.warn({ state, detail }, 'connection to Redis'),
    });
    open = { redis, copy: createCounterCopy(redis, { counterBuckets: of.counterBuckets }) };
  };
  const connecting = (async () => {
    while (!stop.signal.aborted) {
      try {
        await connect();
        return;
      } catch (error) {
        if (!(error instanceof SpendStoreUnavailable)) throw error;
        logger.warn({ err: error }, 'Redis cannot be reached yet; pushes are owed to the sweep');
        await sleep(PAUSE_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  })();
  await Promise.race([connecting, sleep(FIRST_WAIT_MS, undefined, { ref: false })]);
  const connected = () => {
    if (open === undefined) throw new SpendStoreUnavailable('Redis has not been reached yet');
    return open;
  };
  const push: CounterPush = {
    put: async (epoch, counters) => connected().copy.put(epoch, counters),
    check: async () => {
      await assertNoEviction(connected().redis);
    },
    close: async () => {
      stop.abort();
      await connecting.catch(() => undefined);
      if (open !== undefined) await closeRedis(open.redis);
    },
  };
  if (open !== undefined) await refuseEviction(push);
  return push;
}

async function refuseEviction(push: CounterPush): Promise<void> {
  try {
    await push.check();
  } catch (error) {
    if (error instanceof SpendStoreUnavailable) return;
    await push.close();
    throw error;
  }
}
