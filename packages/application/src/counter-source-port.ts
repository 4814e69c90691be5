import type { CounterValue } from './ledger-port.ts';

export interface CounterKey {
  readonly subject: string;
  readonly period: string;
  readonly stripe: number;
}

/** What a healing pass must know before it reads: everything below `cursor` is visible to later reads. */
export interface CounterSnapshot {
  readonly epoch: number;
  /** `pg_snapshot_xmin` of a snapshot taken before the read, as xid8. */
  readonly cursor: bigint;
  readonly rulesVersion: number;
  /**
   * The highest `below` that changes were ever purged with; 0 at first. A copy whose cursor lies below it
   * (Redis went back further than the purge) cannot catch up from the changes and is rebuilt.
   */
  readonly changesFrom: bigint;
}

/** The counters table as healing reads it. "Open" rows are those whose period has not ended. */
export interface CounterSource {
  /**
   * Compares the incarnation row with the server (system identifier, timeline, the table's oid, the
   * number of buckets) and raises the epoch when it differs. Safe to repeat and to run side by side.
   */
  confirmEpoch(of: { readonly counterBuckets: number }): Promise<number>;
  /** Forces a new epoch, that is a rebuild. Returns it. */
  raiseEpoch(): Promise<number>;
  snapshot(): Promise<CounterSnapshot>;
  /** Open rows of the subjects changed by a transaction at or after `cursor`, in key order, after `after`. */
  changedSince(of: {
    readonly cursor: bigint;
    readonly after: CounterKey | null;
    readonly limit: number;
  }): Promise<readonly CounterValue[]>;
  /** All open rows in key order, after `after`. */
  openPage(of: {
    readonly after: CounterKey | null;
    readonly limit: number;
  }): Promise<readonly CounterValue[]>;
  /**
   * Forgets changes below the oldest cursor that any bucket still needs, and notes `below` for
   * `snapshot().changesFrom` in the same transaction. Returns how many rows went.
   */
  purgeChanges(of: { readonly below: bigint }): Promise<number>;
}
