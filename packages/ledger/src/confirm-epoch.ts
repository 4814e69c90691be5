import { z } from 'zod';
import pg from 'pg';
import type { SessionPool } from './session-pool.ts';

/** What a managed server may hide; a new epoch is then an operator's command. */
const HIDDEN = 'unknown';

interface ServerIdentity {
  readonly systemIdentifier: string;
  readonly timeline: string;
}

const epochRow = z.object({ epoch: z.string() });

/**
 * Compares the incarnation row with the server and raises the epoch, once, when the server's history is not the
 * one the copies were made from. The first call creates the row. What the server hides raises nothing.
 */
export async function confirmEpoch(sessions: SessionPool, counterBuckets: number): Promise<number> {
  const identity = await readIdentity(sessions);
  const values = [identity.systemIdentifier, identity.timeline, counterBuckets];
  const confirmed = await sessions.rows(epochRow, { name: 'confirm_epoch', text: CONFIRM, values });
  const [current] = confirmed;
  if (current !== undefined) return Number(current.epoch);
  return sessions.transaction(async (session) => {
    const { epoch } = await session.row(epochRow, { text: RAISE_IF_CHANGED, values });
    await session.run({ text: FORGET_FOREIGN_CHANGES });
    await session.run({ text: FORGET_FOREIGN_PURGE });
    return Number(epoch);
  });
}

/** Forces a new epoch, whatever the server says. The row exists once an epoch was confirmed. */
export async function raiseEpoch(sessions: SessionPool): Promise<number> {
  const { epoch } = await sessions.row(epochRow, { text: RAISE });
  return Number(epoch);
}

const NOW_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';
const COUNTERS_OID = `'spendgate.counters'::regclass::oid::bigint`;

/** A row only if nothing is to be changed: no difference, and nothing hidden that is known now. */
const CONFIRM = `SELECT epoch FROM spendgate.incarnation
  WHERE $1 IN (system_identifier, '${HIDDEN}') AND $2 IN (timeline, '${HIDDEN}')
    AND counters_oid = ${COUNTERS_OID} AND counter_buckets = $3::integer`;

/**
 * Guarded by its own comparison, made again on the locked row: of two callers the second finds nothing changed.
 * Learning what was hidden before changes the row but not the epoch.
 */
const RAISE_IF_CHANGED = `INSERT INTO spendgate.incarnation AS i
    (epoch, system_identifier, timeline, counters_oid, counter_buckets)
  VALUES (${NOW_MS}, $1, $2, ${COUNTERS_OID}, $3::integer)
  ON CONFLICT (singleton) DO UPDATE SET
    epoch = CASE WHEN (i.system_identifier <> excluded.system_identifier
                       AND '${HIDDEN}' NOT IN (i.system_identifier, excluded.system_identifier))
                   OR (i.timeline <> excluded.timeline AND '${HIDDEN}' NOT IN (i.timeline, excluded.timeline))
                   OR i.counters_oid <> excluded.counters_oid
                   OR i.counter_buckets <> excluded.counter_buckets
                 THEN greatest(i.epoch + 1, excluded.epoch) ELSE i.epoch END,
    system_identifier = CASE excluded.system_identifier WHEN '${HIDDEN}' THEN i.system_identifier
                        ELSE excluded.system_identifier END,
    timeline = CASE excluded.timeline WHEN '${HIDDEN}' THEN i.timeline ELSE excluded.timeline END,
    counters_oid = excluded.counters_oid,
    counter_buckets = excluded.counter_buckets,
    raised_at = now()
  RETURNING epoch`;

const RAISE = `UPDATE spendgate.incarnation SET epoch = greatest(epoch + 1, ${NOW_MS}), raised_at = now() RETURNING epoch`;

/**
 * A dump restored into another server brings transaction ids that this server has yet to reach. They would stay
 * above every cursor, and be pushed by each sweep; the rebuild that a new epoch is makes them needless.
 */
const FORGET_FOREIGN_CHANGES = `DELETE FROM spendgate.counter_changes
  WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) AND xid <> pg_current_xact_id()`;

const FORGET_FOREIGN_PURGE = `UPDATE spendgate.incarnation SET changes_from = '0'
  WHERE changes_from >= pg_snapshot_xmax(pg_current_snapshot())`;

async function readIdentity(sessions: SessionPool): Promise<ServerIdentity> {
  return {
    systemIdentifier: await readUnlessHidden(
      sessions,
      'SELECT system_identifier::text AS value FROM pg_control_system()',
    ),
    timeline: await readUnlessHidden(
      sessions,
      'SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS value',
    ),
  };
}

const valueRow = z.object({ value: z.string() });
/** No right, not supported here, not now (a standby), no such function. */
const HIDING_STATES = new Set(['42501', '0A000', '55000', '42883']);

async function readUnlessHidden(sessions: SessionPool, text: string): Promise<string> {
  try {
    return (await sessions.row(valueRow, { text })).value;
  } catch (error) {
    if (isHidden(error)) return HIDDEN;
    throw error;
  }
}

function isHidden(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof pg.DatabaseError && HIDING_STATES.has(cause.code ?? '');
}
