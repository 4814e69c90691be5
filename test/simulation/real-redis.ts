import { createCounterCopy, createRulesCopy } from '@spendgate/redis-store';
import type { Redis } from 'ioredis';
import type { Random } from './random.ts';
import type { RedisUnderTest } from './world.ts';

const WRITES_KEPT = 40;

/** Copies a slot's keys away under a name, in one step, so that the slot can go back to them. */
const REMEMBER = `
for _, key in ipairs(redis.call('KEYS', ARGV[2] .. '*')) do redis.call('DEL', key) end
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('COPY', key, ARGV[2] .. key) end`;
const GO_BACK = `
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('DEL', key) end
for _, key in ipairs(redis.call('KEYS', ARGV[2] .. '*')) do
  redis.call('COPY', key, string.sub(key, #ARGV[2] + 1))
end`;

/** The real adapter and its scripts on a real Redis, with the simulation's faults. */
export function createRealRedis(
  redis: Redis,
  of: { readonly bucketCount: number; readonly random: Random },
): RedisUnderTest {
  const copy = createCounterCopy(redis, { counterBuckets: of.bucketCount });
  const rulesCopy = createRulesCopy(redis);
  const writes = Array.from({ length: of.bucketCount }, () => 0);
  let revision = 0;

  const slot = (bucket: number): string => `sg:{b${bucket}}:`;
  const memory = (bucket: number, write: number): string => `memory-${bucket}-${write % WRITES_KEPT}-`;
  const written = async <T>(bucket: number, act: () => Promise<T>): Promise<T> => {
    const write = writes[bucket] ?? 0;
    await redis.eval(REMEMBER, 0, slot(bucket), memory(bucket, write));
    writes[bucket] = write + 1;
    revision += 1;
    return act();
  };
  const states = async () =>
    (await copy.states()).map((reading) => {
      if (reading === 'unreachable') throw new Error('the Redis of the test cannot be reached');
      return reading;
    });
  return {
    put: async (bucket, epoch, counters) => written(bucket, async () => copy.put(epoch, counters)),
    states,
    putSwept: async (mark, counters) => written(mark.bucket, async () => copy.putSwept(mark, counters)),
    advance: async (advance) => written(advance.bucket, async () => copy.advance(advance)),
    startBuild: async (mark, seen) => written(mark.bucket, async () => copy.startBuild(mark, seen)),
    putBuilt: async (mark, counters) => written(mark.bucket, async () => copy.putBuilt(mark, counters)),
    finishBuild: async (mark, state) => written(mark.bucket, async () => copy.finishBuild(mark, state)),
    async unlinkBelow(epoch) {
      while (!(await copy.unlinkOldEpochs(epoch))) revision += 1;
    },
    rules: async () => rulesCopy.find(),
    putRules: async (rules, epoch) => rulesCopy.put(rules, epoch),
    async loseLastWrites(bucket) {
      const write = writes[bucket] ?? 0;
      const lost = Math.min(write, of.random.pick([1, 2, 1 + of.random.below(WRITES_KEPT)]));
      if (lost === 0) return;
      await redis.eval(GO_BACK, 0, slot(bucket), memory(bucket, write - lost));
      writes[bucket] = write - lost;
      revision += 1;
    },
    async wipe(bucket) {
      await redis.eval(GO_BACK, 0, slot(bucket), 'nothing-');
      writes[bucket] = 0;
      revision += 1;
    },
    async wipeRules() {
      await redis.del('sg:rules');
    },
    get revision() {
      return revision;
    },
    state: async (bucket) => (await states())[bucket] ?? null,
    async spent(bucket, epoch, counter) {
      const field = counter.stripe === 0 ? counter.period : `${counter.period}/${counter.stripe}`;
      const value = await redis.hget(`sg:{b${bucket}}:e${epoch}:${counter.subject}`, field);
      return value === null ? null : BigInt(value.slice(value.indexOf(':') + 1));
    },
  };
}
