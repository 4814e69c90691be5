import type { NewCustomerGate } from '@spendgate/application';
import { z } from 'zod';
import { bindScript } from './bind-script.ts';
import { newCustomersKey } from './counter-keys.ts';
import type { RedisClient } from './redis-client.ts';
import { fromRedisWithin } from './redis-failure.ts';

const WINDOW_MS = 3_600_000;

/**
 * Notes at most `limit` customers per key, for an hour from the first of them by Redis' clock; the caller's
 * clock plays no part. Losing them in Redis begins a new hour.
 */
export function createNewCustomerGate(redis: RedisClient): NewCustomerGate {
  const admit = bindScript(redis, {
    file: 'admit-customer',
    keys: ['admitted'],
    args: ['customer', 'limit', 'windowMs'],
    reply: z.union([z.literal(0), z.literal(1)]),
  });
  return {
    async admit({ key, customer, limit, timeoutMs }) {
      const reply = admit({ admitted: newCustomersKey(key) }, { customer, limit, windowMs: WINDOW_MS });
      return (await fromRedisWithin('admit-customer', timeoutMs, reply)) === 1;
    },
  };
}
