/** A failure of the world that a caller can do something about. `code` is stable and documented in docs/errors.md. */
export abstract class BudgetError extends Error {
  abstract readonly code: string;
  abstract readonly retryable: boolean;
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** PostgreSQL could not be reached in time, or asked us to come again. Nothing was recorded, or a repetition will find it recorded. */
export class LedgerUnavailable extends BudgetError {
  readonly code = 'BUDGET_LEDGER_UNAVAILABLE';
  readonly retryable = true;
}

/** PostgreSQL refused the data of a batch (SQLSTATE 22 or 23). Repeating it unchanged will fail again. */
export class LedgerRefusedData extends BudgetError {
  readonly code = 'BUDGET_LEDGER_REFUSED_DATA';
  readonly retryable = false;
}

/** The batch was attributed with rules that are no longer the published ones; read them and attribute anew. */
export class StaleRules extends BudgetError {
  readonly code = 'BUDGET_STALE_RULES';
  readonly retryable = true;
}

/** The database's schema is older than this build needs. Run `npm run migrate`. */
export class SchemaOutdated extends BudgetError {
  readonly code = 'BUDGET_SCHEMA_OUTDATED';
  readonly retryable = false;
}

/** The counters could not be reached in time. `cause` holds the Redis client's error. */
export class SpendStoreUnavailable extends BudgetError {
  readonly code = 'BUDGET_SPEND_STORE_UNAVAILABLE';
  readonly retryable = true;
}

/** The event stream (Kafka) did not take an event in time. */
export class EventStreamUnavailable extends BudgetError {
  readonly code = 'BUDGET_EVENT_STREAM_UNAVAILABLE';
  readonly retryable = true;
}

/** More is waiting than the bound allows; come again after a while. */
export class Overloaded extends BudgetError {
  readonly code = 'BUDGET_OVERLOADED';
  readonly retryable = true;
}

/** A duration that is no `<int>(s|m|h|d|w|mo)`; the message quotes it. */
export class InvalidDuration extends BudgetError {
  readonly code = 'BUDGET_INVALID_DURATION';
  readonly retryable = false;
}

/** A name that is no IANA time zone; the message quotes it. */
export class InvalidTimeZone extends BudgetError {
  readonly code = 'BUDGET_INVALID_TIME_ZONE';
  readonly retryable = false;
}

/** A reset time that is no "HH:MM[:SS]"; the message quotes it. */
export class InvalidResetTime extends BudgetError {
  readonly code = 'BUDGET_INVALID_RESET_TIME';
  readonly retryable = false;
}

/** An amount that is no finite number of dollars. */
export class InvalidAmount extends BudgetError {
  readonly code = 'BUDGET_INVALID_AMOUNT';
  readonly retryable = false;
}

/** Published rules that this build cannot read: another version wrote them, or they were changed by hand. */
export class InvalidRules extends BudgetError {
  readonly code = 'BUDGET_INVALID_RULES';
  readonly retryable = false;
}

/** One of our own mistakes. Only an edge catches it. */
export class InvariantBroken extends Error {
  override readonly name = 'InvariantBroken';
}

/** @throws InvariantBroken when `holds` is false. */
export function invariant(holds: boolean, message: string): asserts holds {
  if (!holds) throw new InvariantBroken(message);
}
