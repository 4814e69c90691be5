import { Cluster } from 'ioredis';
import { RULES_CHANNEL, RULES_KEY } from './counter-keys.ts';
import type { RedisClient } from './redis-client.ts';
import { fromRedis } from './redis-failure.ts';

/** A running subscription to the published rules. */
export interface RulesSubscription {
  close(): Promise<void>;
}

/**
 * Calls `onVersion` with the version of each publication, and after each reconnection with the version then
 * held, since messages may have been missed. Messages can be lost all the same: poll besides. Opens a
 * connection of its own, which reconnects for ever.
 * @throws SpendStoreUnavailable when the first subscription fails
 */
export async function subscribeRules(
  redis: RedisClient,
  onVersion: (version: number) => void,
): Promise<RulesSubscription> {
  const subscriber =
    redis instanceof Cluster
      ? redis.duplicate(undefined, { enableOfflineQueue: true })
      : redis.duplicate({ enableOfflineQueue: true, autoResubscribe: true });
  // The client that was given reports failures; this one must merely not throw them.
  subscriber.on('error', () => undefined);
  subscriber.on('message', (channel: string, message: string) => {
    const version = Number(message);
    if (channel === RULES_CHANNEL && Number.isSafeInteger(version)) onVersion(version);
  });
  try {
    await fromRedis('subscribe', subscriber.subscribe(RULES_CHANNEL));
  } catch (error) {
    subscriber.disconnect();
    throw error;
  }
  const tellHeld = async (): Promise<void> => {
    const version = await fromRedis('rules version', redis.hget(RULES_KEY, 'version'));
    if (version !== null && Number.isSafeInteger(Number(version))) onVersion(Number(version));
  };
  subscriber.on('ready', () => {
    // When it fails, polling finds the version.
    tellHeld().catch(() => undefined);
  });
  return {
    close() {
      subscriber.disconnect();
      return Promise.resolve();
    },
  };
}
