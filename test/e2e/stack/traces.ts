import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Stores } from './stores.ts';

const names = z.array(z.object({ name: z.string() }));
const counts = z.array(z.object({ count: z.string() }));

/** The tables of the database of which some row holds the text, in any column. */
export async function tablesWith(stores: Stores, text: string): Promise<readonly string[]> {
  const { rows } = await stores.pool.query(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const found: string[] = [];
  for (const { name } of names.parse(rows)) {
    const sql = `SELECT count(*)::text AS count FROM ${name} AS t WHERE position($1 in t::text) > 0`;
    const [row] = counts.parse((await stores.pool.query(sql, [text])).rows);
    if (row?.count !== '0') found.push(name);
  }
  return found;
}

/** The keys of Redis that hold the text, in their name or in whatever they hold. */
export async function redisKeysWith(stores: Stores, text: string): Promise<readonly string[]> {
  const keys = await stores.redis.keys('*');
  const contents = await Promise.all(keys.map(async (key) => `${key} ${await contentOf(stores.redis, key)}`));
  return keys.filter((_, index) => contents[index]?.includes(text) === true);
}

async function contentOf(redis: Redis, key: string): Promise<string> {
  const type = await redis.type(key);
  switch (type) {
    case 'string':
      return (await redis.get(key)) ?? '';
    case 'hash':
      return JSON.stringify(await redis.hgetall(key));
    case 'list':
      return JSON.stringify(await redis.lrange(key, 0, -1));
    case 'set':
      return JSON.stringify(await redis.smembers(key));
    case 'zset':
      return JSON.stringify(await redis.zrange(key, '0', '-1'));
    case 'stream':
      return JSON.stringify(await redis.xrange(key, '-', '+'));
    case 'none':
      // It expired since its name was read.
      return '';
    default:
      throw new Error(`A type of Redis that is not looked into: ${type}`);
  }
}
