import type { Redis } from 'ioredis';
import { COUNTER_KEYS_PATTERN, epochOfKey } from './counter-keys.ts';
import { mastersOf } from './redis-client.ts';
import type { RedisClient } from './redis-client.ts';
import { fromRedis } from './redis-failure.ts';

const KEYS_PER_SCAN = 1_000;
const SCANS_PER_CALL = 10;

/** Removes the counters of past epochs by scans, a bounded piece a call. */
export interface OldEpochs {
  /** True once every node was scanned to its end for this epoch; then it does nothing any more. */
  unlinkBelow(epoch: number): Promise<boolean>;
}

/** Remembers between calls where each node's scan stands. */
export function createOldEpochs(redis: RedisClient): OldEpochs {
  let scannedFor = -1;
  let positions = new Map<string, string>();
  return {
    async unlinkBelow(epoch) {
      if (epoch !== scannedFor) {
        scannedFor = epoch;
        positions = new Map();
      }
      let finished = true;
      for (const node of mastersOf(redis)) {
        const name = `${node.options.host}:${node.options.port}`;
        const position = positions.get(name) ?? '0';
        if (position === END) continue;
        const next = await scanSome(node, { position, epoch });
        positions.set(name, next);
        if (next !== END) finished = false;
      }
      return finished;
    },
  };
}

const END = 'end';

async function scanSome(
  node: Redis,
  of: { readonly position: string; readonly epoch: number },
): Promise<string> {
  let { position } = of;
  for (let scans = 0; scans < SCANS_PER_CALL; scans += 1) {
    const [next, keys] = await fromRedis(
      'unlink',
      node.scan(position, 'MATCH', COUNTER_KEYS_PATTERN, 'COUNT', KEYS_PER_SCAN),
    );
    const old = keys.filter((key) => (epochOfKey(key) ?? of.epoch) < of.epoch);
    // One key a command: keys of two slots in one are refused by a cluster.
    await fromRedis('unlink', Promise.all(old.map(async (key) => node.unlink(key))));
    if (next === '0') return END;
    position = next;
  }
  return position;
}
