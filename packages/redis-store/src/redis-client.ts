import { Cluster } from 'ioredis';
import type { Redis } from 'ioredis';

/** One Redis or a Redis Cluster. Every key of ours that a script touches carries its bucket's tag. */
export type RedisClient = Redis | Cluster;

/** The nodes that hold keys: the masters of a cluster, else the one there is. */
export function mastersOf(redis: RedisClient): readonly Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}
