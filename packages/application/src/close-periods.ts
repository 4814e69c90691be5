import type { CounterCopy } from './counter-copy-port.ts';
import type { CounterSource } from './counter-source-port.ts';
import type { LedgerUpkeep } from './upkeep-port.ts';

export interface ClosePeriodsPorts {
  readonly upkeep: Pick<LedgerUpkeep, 'closePeriods'>;
  readonly source: Pick<CounterSource, 'snapshot'>;
  readonly copy: Pick<CounterCopy, 'states' | 'prune'>;
}

export interface ClosePeriodsResult {
  /** Counters whose period was closed, or got a new revision after a late event. */
  readonly closed: number;
  /** The bound was reached and more is left; call again. */
  readonly more: boolean;
}

const DEFAULT_BATCH_ROWS = 500;
const DEFAULT_MAX_BATCHES = 200;

/**
 * Closes the periods that ended at least `graceMs` before `now`, batch by batch, and drops their fields
 * from Redis at once: checks read only the period they lie in. The grace covers clocks that differ, since
 * an enforcer whose clock is behind still reads the field. Safe to repeat and to run side by side. A stop
 * between the two steps of a batch leaves its fields in Redis until the next rebuild; they cost memory only.
 * @throws LedgerUnavailable, SpendStoreUnavailable - nothing is closed while Redis does not answer.
 */
export async function closePeriods(
  ports: ClosePeriodsPorts,
  of: {
    readonly now: Date;
    readonly graceMs: number;
    readonly batchRows?: number;
    readonly maxBatches?: number;
  },
): Promise<ClosePeriodsResult> {
  const endedBefore = new Date(of.now.getTime() - of.graceMs);
  const limit = of.batchRows ?? DEFAULT_BATCH_ROWS;
  await ports.copy.states();
  let closed = 0;
  for (let batch = 0; batch < (of.maxBatches ?? DEFAULT_MAX_BATCHES); batch += 1) {
    const keys = await ports.upkeep.closePeriods({ endedBefore, limit });
    if (keys.length > 0) await ports.copy.prune((await ports.source.snapshot()).epoch, keys);
    closed += keys.length;
    if (keys.length < limit) return { closed, more: false };
  }
  return { closed, more: true };
}
