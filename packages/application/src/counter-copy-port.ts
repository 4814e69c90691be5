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

export interface BuildMark {
  readonly bucket: number;
  readonly epoch: number;
  readonly token: string;
  /** Chunks done. */
  readonly position: number;
}

/** The copy of the counters in Redis. Every write may be repeated, reordered and lost. */
export interface CounterCopy {
  readonly bucketCount: number;
  bucketOf(subject: SubjectKey): number;
  /** Writes each value unless a newer version is there. @throws SpendStoreUnavailable */
  put(epoch: number, counters: readonly CounterValue[]): Promise<void>;
  /** One entry per bucket, null where there is no (readable) state. */
  states(): Promise<readonly (BucketState | null)[]>;
  /** Compare-and-set: false when the bucket's epoch or cursor is no longer that of `from`. */
  advance(of: {
    readonly bucket: number;
    readonly from: BucketState;
    readonly to: Omit<BucketState, 'at'>;
  }): Promise<boolean>;
  startBuild(mark: BuildMark): Promise<void>;
  /** False when another build runs or the mark is gone; then the build must start over. */
  advanceBuild(mark: BuildMark): Promise<boolean>;
  /** Sets the state if the mark is still at its last position. */
  finishBuild(mark: BuildMark, state: Omit<BucketState, 'at'>): Promise<boolean>;
  /** Drops fields of periods that ended. */
  prune(
    epoch: number,
    fields: readonly { readonly subject: SubjectKey; readonly period: string; readonly stripe: number }[],
  ): Promise<void>;
  /** Unlinks keys of epochs below this one, a bounded number of keys a call; false when more are left. */
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
