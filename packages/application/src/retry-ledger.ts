import { LedgerUnavailable, StaleRules } from '@spendgate/domain';
import type { PublishedRules } from '@spendgate/domain';
import type { RulesInForce } from './rules-in-force.ts';

/** Time as use cases see it, so that tests decide it. */
export interface Clock {
  nowMs(): number;
  /** Resolves after `durationMs`. */
  wait(durationMs: number): Promise<void>;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;
/** Rules change by hand or by deployment; a batch that meets more changes than this waits for its sender. */
const STALE_TRIES = 5;

/**
 * Calls `attempt` with the rules in force until it succeeds: anew with fresh rules when they were stale,
 * after a growing pause when the ledger was away. `attempt` must be safe to repeat.
 * @throws LedgerUnavailable once the next try would begin after `deadlineAtMs`; StaleRules after 5 tries.
 */
export async function retryLedger<Result>(
  ports: { readonly rules: RulesInForce; readonly clock: Clock },
  of: { readonly deadlineAtMs: number; readonly attempt: (rules: PublishedRules) => Promise<Result> },
): Promise<Result> {
  let pauseMs = FIRST_PAUSE_MS;
  let staleTries = 0;
  let stale = false;
  for (;;) {
    try {
      const rules = stale ? await ports.rules.refresh() : ports.rules.current();
      stale = false;
      return await of.attempt(rules);
    } catch (error) {
      if (error instanceof StaleRules) {
        staleTries += 1;
        if (staleTries > STALE_TRIES) throw error;
        stale = true;
        continue;
      }
      if (!(error instanceof LedgerUnavailable)) throw error;
      if (ports.clock.nowMs() + pauseMs >= of.deadlineAtMs) throw error;
      await ports.clock.wait(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}
