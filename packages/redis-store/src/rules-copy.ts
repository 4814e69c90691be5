import type { RulesCopy } from '@spendgate/application';
import { z } from 'zod';
import { bindScript } from './bind-script.ts';
import { RULES_CHANNEL, RULES_KEY } from './counter-keys.ts';
import type { RedisClient } from './redis-client.ts';
import { fromRedis } from './redis-failure.ts';

const heldRules = z.tuple([z.string().regex(/^\d+$/u), z.string()]);

/** The published rules' text in Redis. */
export function createRulesCopy(redis: RedisClient): RulesCopy {
  const putRules = bindScript(redis, {
    file: 'put-rules',
    keys: ['rules'],
    args: ['version', 'epoch', 'text', 'channel'],
    reply: z.union([z.literal(0), z.literal(1)]),
  });
  return {
    async find() {
      const fields = await fromRedis('find rules', redis.hmget(RULES_KEY, 'version', 'text'));
      const held = heldRules.safeParse(fields);
      // Anything else was not written by us; the sweep writes the rules again.
      return held.success ? { version: Number(held.data[0]), text: held.data[1] } : undefined;
    },
    async put(rules, epoch) {
      await putRules(
        { rules: RULES_KEY },
        { version: rules.version, epoch: epoch ?? 0, text: rules.text, channel: RULES_CHANNEL },
      );
    },
  };
}
