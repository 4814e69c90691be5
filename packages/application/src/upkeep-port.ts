import type { Charge, NanoUsd, RecordedCall, SubjectKey } from '@spendgate/domain';
import type { CounterKey } from './counter-source-port.ts';

/** The charges that a ledger row was counted with. */
export type ChargesOf = (call: RecordedCall) => readonly Charge[];

/**
 * `periods_not_closed`: finished periods that the month's rows may lie in are not closed yet; jobs closes them.
 * `events_unpriced`: detached, they could not be priced any more; pricing them at 0 settles them.
 */
export type DetachObstacle = 'month_not_over' | 'periods_not_closed' | 'events_unpriced';

export type DetachResult =
  | {
      readonly outcome: 'detached';
      /** What the partition is called since. */
      readonly tableName: string;
      /** Rows that cost something. */
      readonly chargedRows: number;
      readonly openingBalances: number;
    }
  /** No partition of that month belongs to the ledger: detached before, or never made. */
  | { readonly outcome: 'not_attached' }
  /** `found` counts what is in the way, up to 10,000. */
  | { readonly outcome: 'refused'; readonly obstacle: DetachObstacle; readonly found: number };

/** A subject's period in which the ledger (with its adjustments) and the counters disagree. */
export interface SumDifference {
  readonly subject: SubjectKey;
  readonly period: string;
  readonly ledgerNanoUsd: NanoUsd;
  readonly countersNanoUsd: NanoUsd;
}

export interface SumComparison {
  /** How many subjects' periods were compared. */
  readonly compared: number;
  readonly differing: number;
  /** The first of them in the order of their keys. */
  readonly differences: readonly SumDifference[];
}

/** Work on the database that keeps it fit, run by jobs. Every call may be repeated. */
export interface LedgerUpkeep {
  /**
   * Closes up to `limit` counters whose period ended before `endedBefore`: their sum goes to
   * `closed_periods`, a new revision where a late event changed it. Returns the counters closed.
   */
  closePeriods(of: { readonly endedBefore: Date; readonly limit: number }): Promise<readonly CounterKey[]>;
  /** Makes the ledger's partitions from the month of `at` to `monthsAhead` after it. Returns their names. */
  createPartitions(of: { readonly at: Date; readonly monthsAhead: number }): Promise<readonly string[]>;
  /** Moves rows of the default partition to partitions of their own. Returns how many moved. */
  emptyDefaultPartition(): Promise<number>;
  /** Rows in the default partition, counted up to a bound of 10,000; anything but 0 is an alarm. */
  defaultPartitionCount(): Promise<number>;
  /**
   * Takes a finished month out of the ledger. Its rows are summed beside running writers; then counting stops for as
   * long as it takes to count the rows once more, note the sums of periods still open as opening balances, and detach.
   * Counters and event ids stay, so nothing is counted again. Repeating it finds nothing attached, or takes what late
   * events have brought since. Uses two connections.
   * @throws LedgerUnavailable - retryable, nothing was changed: a lock was not had within `lockTimeoutMs` (which is
   * for as long as counting may wait), or late rows of that month kept coming in.
   */
  detachPartition(of: {
    /** Any instant of it, in UTC. */
    readonly month: Date;
    readonly chargesOf: ChargesOf;
    readonly lockTimeoutMs: number;
    readonly actor: string;
  }): Promise<DetachResult>;
  /**
   * Compares what the ledger's rows and adjustments sum up to with the counters, as of one instant, for all periods
   * that have not ended (closed ones stand in `closed_periods`). Reads every row, and holds one sum in memory for
   * each subject's period; writers are not held up, detaching is.
   */
  compareSums(of: { readonly chargesOf: ChargesOf; readonly limit: number }): Promise<SumComparison>;
}
