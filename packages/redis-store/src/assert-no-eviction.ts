import { BudgetError } from '@spendgate/domain';
import { ReplyError } from 'ioredis';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { mastersOf } from './redis-client.ts';
import type { RedisClient } from './redis-client.ts';
import { toRedisFailure } from './redis-failure.ts';

const configReply = z.array(z.string());

/** Redis may throw counters away under memory pressure. Set `maxmemory-policy noeviction`. */
export class RedisEvicts extends BudgetError {
  readonly code = 'BUDGET_REDIS_EVICTS';
  readonly retryable = false;
}

/** `unknown`: the server tells its policy to nobody with our rights; warn, and check it by hand. */
export type EvictionCheck = 'never_evicts' | 'unknown';

/**
 * Checks that no node would evict keys: a lost counter would look like one nobody spent on.
 * @throws RedisEvicts, SpendStoreUnavailable
 */
export async function assertNoEviction(redis: RedisClient): Promise<EvictionCheck> {
  const policies = await Promise.all(mastersOf(redis).map(findPolicy));
  const evicting = policies.find((policy) => policy !== undefined && policy !== 'noeviction');
  if (evicting !== undefined) {
    throw new RedisEvicts(
      `Redis runs with maxmemory-policy ${evicting}, under which it may drop counters. ` +
        'Set it: CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.',
    );
  }
  return policies.includes(undefined) ? 'unknown' : 'never_evicts';
}

/** Managed services often refuse CONFIG; INFO tells the same where it is allowed. */
async function findPolicy(node: Redis): Promise<string | undefined> {
  const config = await unlessRefused(node.config('GET', 'maxmemory-policy'));
  const policy = configReply.safeParse(config).data?.[1];
  if (policy !== undefined) return policy;
  const info = await unlessRefused(node.info('memory'));
  return /^maxmemory_policy:(\S+)/mu.exec(info ?? '')?.[1];
}

async function unlessRefused<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof ReplyError) return undefined;
    throw toRedisFailure(error, 'eviction policy');
  }
}
