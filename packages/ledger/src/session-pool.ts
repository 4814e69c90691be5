import { invariant } from '@spendgate/domain';
import pg from 'pg';
import type { z } from 'zod';
import { translateFailure } from './translate-failure.ts';

export interface SessionSettings {
  readonly databaseUrl: string;
  readonly applicationName: string;
  readonly maxConnections: number;
  readonly statementTimeoutMs: number;
  readonly answerTimeoutMs?: number;
}

/** A parameter as the driver takes it: text, or binary where it is a Buffer. */
export type Parameter = string | number | boolean | Buffer | null;

export interface Statement {
  /** Given to what runs often: the server then parses it once for each connection. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly Parameter[];
  /** How long to wait for the answer, where it may take longer than the pool's statements do. */
  readonly timeoutMs?: number;
}

export interface Session {
  /** Runs one statement and reads its rows. Errors come translated. */
  rows<Row>(row: z.ZodType<Row>, statement: Statement): Promise<readonly Row[]>;
  /** As `rows`, of a statement that has exactly one. */
  row<Row>(row: z.ZodType<Row>, statement: Statement): Promise<Row>;
  /** Runs one statement; returns how many rows it touched. */
  run(statement: Statement): Promise<number>;
}

/** Every call takes a connection of its own for one statement; `transaction` holds one for several. */
export interface SessionPool extends Session {
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>;
  end(): Promise<void>;
}

const CONNECTION_TIMEOUT_MS = 5_000;
/** The server ends a statement first; this ends the wait for a server that went away without a word. */
const ANSWER_GRACE_MS = 5_000;

export function createSessionPool(settings: SessionSettings): SessionPool {
  const answerTimeoutMs = settings.answerTimeoutMs ?? settings.statementTimeoutMs + ANSWER_GRACE_MS;
  const pool = new pg.Pool({
    connectionString: settings.databaseUrl,
    application_name: settings.applicationName,
    max: settings.maxConnections,
    connectionTimeoutMillis: Math.min(CONNECTION_TIMEOUT_MS, answerTimeoutMs),
    idleTimeoutMillis: 60_000,
    query_timeout: answerTimeoutMs,
    keepAlive: true,
    verify: (client, done) => {
      client.query(sessionSettings(settings), (error) => done(error));
    },
  });
  // A broken connection fails the query that runs on it, and the pool drops it. It also says so by an event, which
  // without a listener would end the process: the pool's own does not cover connections in use or being ended.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));
  let ended: Promise<void> | undefined;
  const transaction = async <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    withClient(pool, async (client) => inTransaction(client, work));
  return {
    ...sessionOver(async (statement) => withClient(pool, async (client) => client.query(toQuery(statement)))),
    transaction,
    end: () => (ended ??= pool.end()),
  };
}

function sessionOver(
  query: (statement: Statement) => Promise<pg.QueryResult<Record<string, unknown>>>,
): Session {
  const rows = async <Row>(row: z.ZodType<Row>, statement: Statement): Promise<readonly Row[]> =>
    (await query(statement)).rows.map((found) => row.parse(found));
  return {
    rows,
    async row(row, statement) {
      const [only, ...others] = await rows(row, statement);
      invariant(only !== undefined && others.length === 0, `one row expected from: ${statement.text}`);
      return only;
    },
    async run(statement) {
      return (await query(statement)).rowCount ?? 0;
    },
  };
}

function toQuery(statement: Statement): pg.QueryConfig {
  return {
    text: statement.text,
    values: [...(statement.values ?? [])],
    ...(statement.name === undefined ? {} : { name: statement.name }),
    ...(statement.timeoutMs === undefined ? {} : { query_timeout: statement.timeoutMs }),
  };
}

/**
 * Settings that counting rests on, whatever the server's or the role's defaults are. Locks are waited for at
 * most half as long as a statement may run, so that a waiter gives up before the server cancels it.
 */
function sessionSettings(of: SessionSettings): pg.QueryConfig {
  return {
    text: `SELECT set_config('timezone', 'UTC', false),
      set_config('default_transaction_isolation', 'read committed', false),
      set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
        false),
      set_config('jit', 'off', false),
      set_config('statement_timeout', $1, false),
      set_config('lock_timeout', $2, false),
      set_config('idle_in_transaction_session_timeout', $1, false)`,
    values: [String(of.statementTimeoutMs), String(Math.ceil(of.statementTimeoutMs / 2))],
  };
}

async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  let client: pg.PoolClient | undefined;
  let broken = true;
  try {
    client = await pool.connect();
    const result = await work(client);
    broken = false;
    return result;
  } catch (cause) {
    // An error with an SQLSTATE below FATAL leaves the connection, and its prepared statements, usable.
    broken = !(cause instanceof pg.DatabaseError) || cause.severity !== 'ERROR';
    throw translateFailure(cause);
  } finally {
    client?.release(broken);
  }
}

function ignore(): void {
  return undefined;
}

async function inTransaction<T>(client: pg.PoolClient, work: (session: Session) => Promise<T>): Promise<T> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  try {
    const result = await work(sessionOver(async (statement) => client.query(toQuery(statement))));
    await client.query('COMMIT');
    return result;
  } catch (cause) {
    if (cause instanceof pg.DatabaseError && cause.severity === 'ERROR') await client.query('ROLLBACK');
    throw cause;
  }
}
