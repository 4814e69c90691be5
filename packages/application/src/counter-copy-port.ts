import type { NanoUsd, SubjectKey } from '@spendgate/domain';
import type { CounterValue } from './ledger-port.ts';

/** What a bucket says of itself. Redis lost its last writes when its cursor went back with them. */
export interface BucketState {
  readonly epoch: number;
  readonly cursor: bigint;
  readonly rulesVersion: number;
  /** When it was written, on Redis' clock. */
  readonly at: Date;
}

/**
 * How far a pass over a bucket got, kept in Redis beside what the pass wrote. Each chunk moves it on in
 * the same atomic step, so a Redis that loses the last chunks loses the mark's moves with them, and the
 * pass cannot be taken for complete.
 */
export interface PassMark {
  readonly bucket: number;
  readonly epoch: number;
  /** Unlike any other pass's. */
  readonly token: string;
  /** Chunks written. */
  readonly position: number;
}

/** `unreachable`: the bucket's node does not answer, so nothing is known of it. */
export type BucketReading = BucketState | null | 'unreachable';

/**
 * The copy of the counters in Redis. Every write may be repeated, reordered and lost.
 * All calls throw SpendStoreUnavailable when Redis does not answer in time.
 */
export interface CounterCopy {
  readonly bucketCount: number;
  bucketOf(subject: SubjectKey): number;
  /**
   * Writes each value unless a newer version is there. Values of an epoch newer than the bucket's state
   * drop that state: the copy readers see is no longer the one that is counted into.
   */
  put(epoch: number, counters: readonly CounterValue[]): Promise<void>;
  /** One entry per bucket, null where there is no (readable) state. @throws when no bucket answers */
  states(): Promise<readonly BucketReading[]>;
  /**
   * Writes a sweep's chunk, all of `mark.bucket`, as `put` does, and moves the sweep's mark to
   * `mark.position` in the same step. False, with nothing written, when the mark is not at the position
   * before; position 1 begins a sweep and displaces another one's mark.
   */
  putSwept(mark: PassMark, counters: readonly CounterValue[]): Promise<boolean>;
  /**
   * Compare-and-set: false when the bucket's epoch or cursor is no longer that of `from`, or when the
   * sweep's mark is not at `swept` (null: the sweep wrote nothing to this bucket).
   */
  advance(of: {
    readonly bucket: number;
    readonly from: BucketState;
    readonly to: Omit<BucketState, 'at'>;
    readonly swept: PassMark | null;
  }): Promise<boolean>;
  /**
   * Begins a build at position 0, displacing another one's mark, and drops the state. False, with nothing
   * done, when the state is no longer the one seen: someone else has rebuilt the bucket meanwhile.
   */
  startBuild(mark: PassMark, seen: BucketState | null): Promise<boolean>;
  /** As `putSwept`, for a build; false when another build displaced it or Redis lost the mark: start over. */
  putBuilt(mark: PassMark, counters: readonly CounterValue[]): Promise<boolean>;
  /** Sets the state if the build's mark is at this, its last position. False: start over. */
  finishBuild(mark: PassMark, state: Omit<BucketState, 'at'>): Promise<boolean>;
  /** Drops fields of periods that ended. */
  prune(
    epoch: number,
    fields: readonly { readonly subject: SubjectKey; readonly period: string; readonly stripe: number }[],
  ): Promise<void>;
  /**
   * Unlinks keys of epochs below this one, a bounded number of keys a call; false when more are left.
   * Only for an epoch that all buckets have reached.
   */
  unlinkOldEpochs(epoch: number): Promise<boolean>;
}

export type CopyHealth = 'whole' | 'absent' | 'stale';

export interface SpendReading {
  /** `whole` only if every bucket concerned has a state of its current epoch that is not too old. */
  readonly health: CopyHealth;
  /** The least rules version of the buckets concerned; 0 when absent. */
  readonly rulesVersion: number;
  /** In the order asked, stripes added up; null where nothing was spent. Meaningless unless `whole`. */
  readonly spentNanoUsd: readonly (NanoUsd | null)[];
}

/** Reads what subjects spent, one pipelined round trip a call. @throws SpendStoreUnavailable in time. */
export interface SpendReader {
  read(of: {
    readonly subjects: readonly { readonly subject: SubjectKey; readonly period: string }[];
    readonly timeoutMs: number;
  }): Promise<SpendReading>;
}
