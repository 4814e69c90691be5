import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InvariantBroken } from '@spendgate/domain';
import type { RedisClient } from './redis-client.ts';
import { toRedisFailure } from './redis-failure.ts';

/** Runs a script by its hash, and by its text where Redis does not know it (any more). */
export type Script = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/** What reads a script's reply; a zod schema is one. */
export interface ReplyParser<R> {
  parse(reply: unknown): R;
}

/** A script of `lua/` whose number of keys and arguments varies. @throws SpendStoreUnavailable, InvariantBroken */
export function createScript(redis: RedisClient, file: string): Script {
  const text = readFileSync(new URL(`../lua/${file}.lua`, import.meta.url), 'utf8');
  const hash = createHash('sha1').update(text).digest('hex');
  return async (keys, args) => {
    try {
      return await redis.evalsha(hash, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw toRedisFailure(error, file);
    }
    try {
      return await redis.eval(text, keys.length, ...keys, ...args);
    } catch (error) {
      throw toRedisFailure(error, file);
    }
  };
}

/** A script of `lua/` with named keys and arguments, in the order in which its header lists them. */
export function bindScript<K extends string, A extends string, R>(
  redis: RedisClient,
  of: {
    readonly file: string;
    readonly keys: readonly K[];
    readonly args: readonly A[];
    readonly reply: ReplyParser<R>;
  },
): (keys: Readonly<Record<K, string>>, args: Readonly<Record<A, string | number>>) => Promise<R> {
  const script = createScript(redis, of.file);
  return async (keys, args) => {
    const reply = await script(
      of.keys.map((name) => keys[name]),
      of.args.map((name) => args[name]),
    );
    try {
      return of.reply.parse(reply);
    } catch (error) {
      throw new InvariantBroken(`${of.file}: a reply of another shape than the script's`, { cause: error });
    }
  };
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
