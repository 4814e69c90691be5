import type { CounterKey } from './counter-source-port.ts';

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
}
