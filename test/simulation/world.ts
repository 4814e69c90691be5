import type { BucketState, CounterValue, PassMark, RulesText } from '@spendgate/application';
import type { SpendEvent } from '@spendgate/domain';
import type { PortFaults } from './ports.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulatedKafka } from './simulated-kafka.ts';
import type { PostgresFaults, SimulatedPostgres } from './simulated-postgres.ts';
import type { RedisFaults } from './simulated-redis.ts';

type Eventually<T> = T | Promise<T>;

/** Redis as the ports call it and as the chaos breaks it: simulated, or a real one. */
export interface RedisUnderTest {
  put(bucket: number, epoch: number, counters: readonly CounterValue[]): Eventually<void>;
  states(): Eventually<readonly (BucketState | null)[]>;
  putSwept(mark: PassMark, counters: readonly CounterValue[]): Eventually<boolean>;
  advance(of: {
    readonly bucket: number;
    readonly from: BucketState;
    readonly to: Omit<BucketState, 'at'>;
    readonly swept: PassMark | null;
  }): Eventually<boolean>;
  startBuild(mark: PassMark, seen: BucketState | null): Eventually<boolean>;
  putBuilt(mark: PassMark, counters: readonly CounterValue[]): Eventually<boolean>;
  finishBuild(mark: PassMark, state: Omit<BucketState, 'at'>): Eventually<boolean>;
  unlinkBelow(epoch: number): Eventually<void>;
  rules(): Eventually<RulesText | undefined>;
  putRules(rules: RulesText, epoch: number): Eventually<void>;
  /** A slot's node fails over to a replica that lacks the last writes. */
  loseLastWrites(bucket: number): Eventually<void>;
  wipe(bucket: number): Eventually<void>;
  wipeRules(): Eventually<void>;
  /** Grows with every change; absent where it cannot be told. */
  readonly revision?: number;
  state(bucket: number): Eventually<BucketState | null>;
  /** Null where nothing is. */
  spent(
    bucket: number,
    epoch: number,
    counter: Pick<CounterValue, 'subject' | 'period' | 'stripe'>,
  ): Eventually<bigint | null>;
}

export type Faults = PostgresFaults &
  RedisFaults &
  PortFaults & {
    /** Answers a batch before it is recorded. */
    readonly acknowledgesEarly?: boolean;
  };

/** `direct`: HTTP batches go to the ledger. `kafka`: they go to Kafka. `both`: some here, some there. */
export type Intake = 'direct' | 'kafka' | 'both';

export interface World {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly postgres: SimulatedPostgres;
  readonly redis: RedisUnderTest;
  readonly kafka: SimulatedKafka;
  readonly bucketCount: number;
  readonly intake: Intake;
  readonly faults: Faults;
  /** Events whose sender was told that they are safe. */
  readonly acknowledged: Set<string>;
  readonly violations: string[];
  /** Set when the processes shall end after what they are doing. */
  stopping: boolean;
  bucketOf(subject: string): number;
  nowMs(): number;
  newToken(): string;
  newEvent(): SpendEvent;
  violation(text: string): void;
}
