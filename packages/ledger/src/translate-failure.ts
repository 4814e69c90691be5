import {
  BudgetError,
  InvariantBroken,
  LedgerRefusedData,
  LedgerUnavailable,
  SchemaOutdated,
  StaleRules,
} from '@spendgate/domain';
import pg from 'pg';

/** SQLSTATE of spendgate.begin_counting: the batch was attributed by other rules than the published ones. */
const STALE_RULES = 'SG001';
/** Undefined schema, table, column, function: the schema is not the one this build knows. */
const NOT_MIGRATED = new Set(['3F000', '42P01', '42703', '42883']);
/** Deadlock, lock_timeout, a session ended for idling, a server that became a standby. */
const COME_AGAIN = new Set(['40001', '40P01', '55P03', '25P03', '25006', '3D000']);
/** Connection, resources, operator and shutdown, the server's own I/O, refused logins. */
const COME_AGAIN_CLASSES = new Set(['08', '53', '57', '58', '28']);
const DATA_CLASSES = new Set(['22', '23']);
/** Insufficient privilege: no event's fault, and mended by a GRANT while events wait. */
const NOT_ALLOWED = '42501';
/** The server found a fault in itself or in its files. */
const SERVER_FAULT_CLASS = 'XX';

/**
 * Says what a failed call means for its caller. An error without an SQLSTATE comes from the connection: whether
 * the server committed is then unknown, and sending the same call again is harmless.
 */
export function translateFailure(cause: unknown): BudgetError | InvariantBroken {
  if (cause instanceof BudgetError || cause instanceof InvariantBroken) return cause;
  if (!(cause instanceof pg.DatabaseError) || cause.code === undefined) return fromConnection(cause);
  return fromServer({ code: cause.code, message: cause.message, cause: withoutData(cause, cause.code) });
}

function fromServer(of: {
  readonly code: string;
  readonly message: string;
  readonly cause: Error;
}): BudgetError | InvariantBroken {
  const { code, message, cause } = of;
  if (code === STALE_RULES) return new StaleRules(message, { cause });
  if (NOT_MIGRATED.has(code)) return new SchemaOutdated(`${message}: run npm run migrate`, { cause });
  if (COME_AGAIN.has(code) || COME_AGAIN_CLASSES.has(code.slice(0, 2))) {
    return new LedgerUnavailable(`PostgreSQL: ${message} (${code})`, { cause });
  }
  if (code === NOT_ALLOWED) {
    const text = `PostgreSQL: ${message} (${code}): grant it to the role that DATABASE_URL names`;
    return new LedgerUnavailable(text, { cause });
  }
  if (code.startsWith(SERVER_FAULT_CLASS)) {
    const text = `PostgreSQL reports a fault of its own (${code}): look at its log`;
    return new LedgerUnavailable(text, { cause });
  }
  if (isAboutData(code)) {
    return new LedgerRefusedData(`PostgreSQL refused the data (${code})`, { cause });
  }
  return new InvariantBroken(`PostgreSQL: ${message} (${code})`, { cause });
}

/**
 * The driver's error without what may quote a row: detail, context, hint and, where the data is at fault, the
 * message. What is kept names things of ours: code, table, column, constraint.
 */
function withoutData(cause: pg.DatabaseError, code: string): pg.DatabaseError {
  const { severity, schema, table, column, constraint, routine } = cause;
  const message = isAboutData(code) ? `SQLSTATE ${code}` : cause.message;
  const kept = new pg.DatabaseError(message, message.length, 'error');
  return Object.assign(kept, { code, severity, schema, table, column, constraint, routine });
}

/** The message of such an error may quote the data; so may that of the server's own faults. */
function isAboutData(code: string): boolean {
  return DATA_CLASSES.has(code.slice(0, 2)) || code.startsWith(SERVER_FAULT_CLASS);
}

function fromConnection(cause: unknown): LedgerUnavailable | InvariantBroken {
  // What the language itself throws is a bug on this side of the connection.
  if (cause instanceof TypeError || cause instanceof RangeError) {
    return new InvariantBroken(cause.message, { cause });
  }
  return new LedgerUnavailable(`PostgreSQL cannot be reached: ${reasonOf(cause)}`, { cause });
}

function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0)
    return cause.errors.map(reasonOf).join(', ');
  return cause instanceof Error ? cause.message : String(cause);
}
