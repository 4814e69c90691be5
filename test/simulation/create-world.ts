import type { SpendEvent } from '@spendgate/domain';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import { sampleEvent } from './sample.ts';
import { createScheduler } from './scheduler.ts';
import { createSimulatedKafka } from './simulated-kafka.ts';
import { createSimulatedPostgres } from './simulated-postgres.ts';
import { createSimulatedRedis } from './simulated-redis.ts';
import { slotOf } from './slot-of.ts';
import type { Faults, Intake, RedisUnderTest, World } from './world.ts';

/** Just before an hour ends, so that periods roll over while a seed runs. */
const BEGINS_AT_MS = Date.parse('2026-11-22T10:59:58Z');
const MS_PER_STEP = 2;
const CUSTOMERS = ['ann', 'ben', 'cid', 'dot'] as const;
const INTAKES: readonly Intake[] = ['direct', 'kafka', 'both'];

export interface WorldOptions {
  readonly seed: number;
  readonly faults?: Faults;
  /** A real Redis in place of the simulated one. */
  readonly redis?: (of: { readonly bucketCount: number; readonly random: Random }) => RedisUnderTest;
  readonly bucketOf?: (subject: string, bucketCount: number) => number;
  /** Runs after each effect on a store. */
  readonly onEffect?: (world: World) => void;
}

export function createWorld(options: WorldOptions): World {
  const random = createRandom(options.seed);
  const faults = options.faults ?? {};
  const bucketCount = random.pick([1, 1, 2, 3]);
  const scheduler = createScheduler(random, () => options.onEffect?.(world));
  const nowMs = (): number => BEGINS_AT_MS + scheduler.step * MS_PER_STEP;
  // The database's clock is set back now and then.
  const clockUs = (): number => nowMs() * 1_000 - (random.chance(0.1) ? random.below(5_000_000) : 0);
  let tokens = 0;
  const world: World = {
    random,
    scheduler,
    postgres: createSimulatedPostgres(clockUs, faults),
    redis:
      options.redis?.({ bucketCount, random }) ??
      createSimulatedRedis({ bucketCount, random, now: () => new Date(nowMs()), faults }),
    kafka: createSimulatedKafka(2),
    bucketCount,
    intake: random.pick(INTAKES),
    faults,
    acknowledged: new Set(),
    violations: [],
    stopping: false,
    bucketOf: (subject) => options.bucketOf?.(subject, bucketCount) ?? slotOf(subject, bucketCount),
    nowMs,
    newToken() {
      tokens += 1;
      return `t${tokens}`;
    },
    newEvent: createEvents(random, nowMs),
    violation(text) {
      world.violations.push(`step ${scheduler.step}: ${text}`);
    },
  };
  return world;
}

/** New events, and now and then one that was sent before: the same delivery by another way. */
function createEvents(random: ReturnType<typeof createRandom>, nowMs: () => number): () => SpendEvent {
  const sent: SpendEvent[] = [];
  return () => {
    if (sent.length > 0 && random.chance(0.25)) return random.pick(sent);
    const late = random.chance(0.2) ? random.below(3_000) : 0;
    const event = sampleEvent({
      id: `event-${sent.length}`,
      startedAt: new Date(nowMs() - late),
      costNanoUsd: BigInt(random.chance(0.1) ? 0 : 1 + random.below(1_000)) * 1_000_003n,
      endUser: random.chance(0.1) ? null : random.pick(CUSTOMERS),
      keyHash: random.chance(0.5) ? random.pick(['k1', 'k2']) : null,
      teamId: random.chance(0.3) ? 'team' : null,
      fingerprint: BigInt(sent.length),
    });
    sent.push(event);
    return event;
  };
}
