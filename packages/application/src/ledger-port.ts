import type { AttributedEvent, Charge, NanoUsd, SubjectKey } from '@spendgate/domain';

/** One row of the counters table: what a subject spent in a period, as one writer's stripe of it. */
export interface CounterValue {
  readonly subject: SubjectKey;
  readonly period: string;
  readonly periodEnd: Date | null;
  readonly stripe: number;
  readonly spentNanoUsd: NanoUsd;
  /** Grows with every change of the row; microseconds of the database's clock, below 2^53. */
  readonly version: number;
}

export interface LedgerBatch {
  /** The version of the published rules by which the events were attributed. */
  readonly rulesVersion: number;
  /** The writer's stripe, 0 to 7. Customers' counters are not striped: they always use stripe 0. */
  readonly stripe: number;
  /** With distinct ids. */
  readonly events: readonly AttributedEvent[];
}

/** `id_conflict`: the id is recorded with another start, cost or customer. Only `recorded` charges. */
export type EventOutcome = 'recorded' | 'duplicate' | 'id_conflict';

export interface LedgerResult {
  readonly epoch: number;
  /** One for each event of the batch, in its order. */
  readonly outcomes: readonly EventOutcome[];
  /** Current rows of the counters the batch charged, and of those its duplicates had charged. */
  readonly counters: readonly CounterValue[];
}

/** A signed correction of the counters that leaves the ledger's rows as they are. */
export interface Adjustment {
  /** Fixed by the caller, so that repeating it changes nothing. */
  readonly id: string;
  readonly kind: 'pricing' | 'opening_balance' | 'reset';
  /** The event that is priced; null for the other kinds. */
  readonly eventId: string | null;
  readonly amountNanoUsd: NanoUsd;
  /** When the money was spent; lies in the period of the charges. */
  readonly effectiveAt: Date;
  readonly charges: readonly Charge[];
  readonly actor: string;
  readonly note: string | null;
}

export interface AdjustmentResult {
  readonly epoch: number;
  readonly outcome: 'recorded' | 'duplicate';
  readonly counters: readonly CounterValue[];
}

/** The append-only truth. Each call is one transaction; repeating one changes nothing. */
export interface Ledger {
  /**
   * @throws StaleRules - attribute anew. @throws LedgerUnavailable - send the same batch again.
   * @throws LedgerRefusedData - some row of the batch is not storable.
   */
  record(batch: LedgerBatch): Promise<LedgerResult>;
  /** Errors as `record`. */
  adjust(of: { readonly rulesVersion: number; readonly adjustment: Adjustment }): Promise<AdjustmentResult>;
}
