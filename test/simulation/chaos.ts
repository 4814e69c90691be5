import type { Processes } from './simulate.ts';
import type { World } from './world.ts';

/** Breaks things between the steps. */
export interface Chaos {
  /** Now and then, by the seed, one fault. */
  maybe(): Promise<void>;
  readonly counts: Readonly<Record<string, number>>;
}

const FAULT_CHANCE = 0.002;

export function createChaos(world: World, processes: Processes): Chaos {
  const { kafka, postgres, random, redis } = world;
  const everyBucket = Array.from({ length: world.bucketCount }, (_, bucket) => bucket);
  const faults: readonly (readonly [string, () => Promise<void> | void])[] = [
    ['kill', () => processes.killOne()],
    ['kill', () => processes.killOne()],
    ['pause', () => processes.pauseOne(20 + random.below(300))],
    ['pause', () => processes.pauseOne(20 + random.below(300))],
    ['rebalance', () => kafka.rebalance()],
    ['lose last writes', async () => redis.loseLastWrites(random.pick(everyBucket))],
    ['lose last writes', async () => redis.loseLastWrites(random.pick(everyBucket))],
    ['wipe a bucket', async () => redis.wipe(random.pick(everyBucket))],
    [
      'wipe Redis',
      async () => {
        for (const bucket of everyBucket) await redis.wipe(bucket);
        await redis.wipeRules();
      },
    ],
    ['new rules', () => void postgres.publish()],
    ['new epoch', () => postgres.raiseEpoch(world.nowMs())],
    ['PostgreSQL goes back', () => goBack(world)],
  ];
  const counts: Record<string, number> = {};
  // Each seed has its own mix: some are calm, in some the network is bad.
  const chance = random.pick([0, 1, 3, 9]) * FAULT_CHANCE;
  world.scheduler.lossChance = random.pick([0, 0.01, 0.05, 0.15]);
  return {
    counts,
    async maybe() {
      if (!random.chance(chance)) return;
      const [name, act] = random.pick(faults);
      counts[name] = (counts[name] ?? 0) + 1;
      await act();
    },
  };

  /** Without Kafka nothing could bring the lost events again, so only a world whose intake is Kafka goes back. */
  function goBack(of: World): void {
    if (of.intake !== 'kafka') return;
    const offsets = postgres.goBack(1 + random.below(8));
    if (offsets === undefined) return;
    const start = kafka.partitions.map(() => 0);
    kafka.rewind(isOffsets(offsets) ? offsets : start, random.below(4));
  }
}

function isOffsets(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((offset) => typeof offset === 'number');
}
