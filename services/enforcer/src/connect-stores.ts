import { setTimeout as sleep } from 'node:timers/promises';
import type { NewCustomerGate, RulesCopy, SpendReader } from '@spendgate/application';
import { SpendStoreUnavailable } from '@spendgate/domain';
import type { Logger } from '@spendgate/observability';
import {
  assertNoEviction,
  closeRedis,
  connectRedis,
  createNewCustomerGate,
  createRulesCopy,
  createSpendReader,
  subscribeRules,
} from '@spendgate/redis-store';
import type { EnforcerConfig } from './config.ts';
import type { EnforcerStores } from './create-enforcer.ts';

export interface ConnectedStores extends EnforcerStores {
  close(): Promise<void>;
}

interface OpenStores {
  readonly spend: SpendReader;
  readonly newCustomers: NewCustomerGate;
  readonly rules: RulesCopy;
  readonly assertNoEviction: () => Promise<unknown>;
  close(): Promise<void>;
}

/** Long enough for a Redis that is there; one that is not must not keep the service from answering. */
const FIRST_WAIT_MS = 2_000;
const ATTEMPT_TIMEOUT_MS = 5_000;
const PAUSE_MS = 1_000;
const LEAST_COMMAND_TIMEOUT_MS = 2_000;

/**
 * Connects to Redis, and goes on trying in the background when that takes longer than two seconds: a
 * service that starts while Redis is away answers by the fail policy until it comes back.
 */
export async function connectStores(config: EnforcerConfig, logger: Logger): Promise<ConnectedStores> {
  const stop = new AbortController();
  let open: OpenStores | undefined;
  let onPublished: () => void = () => undefined;

  const connecting = (async () => {
    while (!stop.signal.aborted) {
      try {
        open = await openStores(config, logger, () => onPublished());
        onPublished();
        return;
      } catch (error) {
        if (!(error instanceof SpendStoreUnavailable)) throw error;
        logger.warn({ err: error }, 'Redis cannot be reached yet');
        await sleep(PAUSE_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  })();
  await Promise.race([connecting, sleep(FIRST_WAIT_MS, undefined, { ref: false })]);

  const stores = (): OpenStores => {
    if (open === undefined) throw new SpendStoreUnavailable('Redis has not been reached yet.');
    return open;
  };
  return {
    spend: { read: async (of) => stores().spend.read(of) },
    newCustomers: { admit: async (of) => stores().newCustomers.admit(of) },
    rules: {
      find: async () => stores().rules.find(),
      async subscribe(listener) {
        onPublished = listener;
        return async () => {
          onPublished = () => undefined;
        };
      },
    },
    assertNoEviction: async () => {
      await stores().assertNoEviction();
    },
    async close() {
      stop.abort();
      await connecting;
      await open?.close();
    },
  };
}

/** @throws SpendStoreUnavailable */
async function openStores(
  config: EnforcerConfig,
  logger: Logger,
  onPublished: () => void,
): Promise<OpenStores> {
  const redis = await connectRedis({
    redisUrl: config.redisUrl,
    name: 'spendgate-enforcer',
    commandTimeoutMs: Math.max(LEAST_COMMAND_TIMEOUT_MS, config.policy.timeoutMs),
    readyTimeoutMs: ATTEMPT_TIMEOUT_MS,
    onConnection: ({ state, detail }) => logger.warn({ state, detail }, 'connection to Redis'),
  });
  try {
    const subscription = await subscribeRules(redis, onPublished);
    const { counterBuckets, stateMaxAgeMs } = config;
    return {
      spend: createSpendReader(redis, { counterBuckets, stateMaxAgeMs }),
      newCustomers: createNewCustomerGate(redis),
      rules: createRulesCopy(redis),
      assertNoEviction: async () => assertNoEviction(redis),
      async close() {
        await subscription.close();
        await closeRedis(redis);
      },
    };
  } catch (error) {
    await closeRedis(redis);
    throw error;
  }
}
