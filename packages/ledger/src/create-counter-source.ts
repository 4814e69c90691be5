import type { CounterKey, CounterSource } from '@spendgate/application';
import { z } from 'zod';
import { confirmEpoch, raiseEpoch } from './confirm-epoch.ts';
import { parseCounters } from './counter-values.ts';
import type { Parameter, SessionPool, Statement } from './session-pool.ts';

/** Above this many noted changes (with repetitions) paging through them costs more than walking the open counters. */
const MAX_CHANGES_TO_SORT = 50_000;

const snapshotRow = z.object({
  epoch: z.string(),
  cursor: z.string(),
  rules_version: z.string(),
  changes_from: z.string(),
});
const pageRow = z.object({ counters: z.string() });
const sizeRow = z.object({ size: z.string() });

/** The counters table as the copies in Redis are healed from it. */
export function createCounterSource(sessions: SessionPool): CounterSource {
  const page = async (statement: Statement): ReturnType<CounterSource['openPage']> =>
    parseCounters((await sessions.row(pageRow, statement)).counters);
  return {
    confirmEpoch: ({ counterBuckets }) => confirmEpoch(sessions, counterBuckets),
    raiseEpoch: () => raiseEpoch(sessions),
    async snapshot() {
      const row = await sessions.row(snapshotRow, SNAPSHOT);
      return {
        epoch: Number(row.epoch),
        cursor: BigInt(row.cursor),
        rulesVersion: Number(row.rules_version),
        changesFrom: BigInt(row.changes_from),
      };
    },
    async changedSince({ cursor, after, limit }) {
      const since = cursor.toString();
      const { size } = await sessions.row(sizeRow, { ...CHANGES_SIZE, values: [since] });
      // Pushing more than what changed is harmless, so a long backlog is read as a walk.
      if (Number(size) > MAX_CHANGES_TO_SORT) return page({ ...OPEN_PAGE, values: [...keyOf(after), limit] });
      return page({ ...CHANGED_PAGE, values: [...keyOf(after), limit, since] });
    },
    openPage: ({ after, limit }) => page({ ...OPEN_PAGE, values: [...keyOf(after), limit] }),
    purgeChanges: ({ below }) => sessions.run({ ...PURGE, values: [below.toString()] }),
  };
}

/** Before every key when there is none: subjects are never empty and stripes never negative. */
function keyOf(after: CounterKey | null): readonly Parameter[] {
  return after === null ? ['', '', -1] : [after.subject, after.period, after.stripe];
}

const SNAPSHOT: Statement = {
  name: 'counter_snapshot',
  text: `SELECT coalesce((SELECT max(epoch) FROM spendgate.incarnation), 0)::text AS epoch,
    pg_snapshot_xmin(pg_current_snapshot())::text AS cursor,
    coalesce((SELECT max(version) FROM spendgate.published_rules), 0)::text AS rules_version,
    coalesce((SELECT changes_from FROM spendgate.incarnation), '0')::text AS changes_from`,
};

const COUNTERS_JSON = `coalesce(json_agg(json_build_array(p.subject, p.period, p.stripe,
  (extract(epoch FROM p.period_end) * 1000)::bigint, p.spent_nano_usd::text, p.version)), '[]')::text AS counters`;

/** The first two conditions are those of the index counters_open; a period that ended may not be closed yet. */
const OPEN_AFTER = `c.closed_at IS NULL AND NOT c.retired AND (c.period_end IS NULL OR c.period_end > now())
  AND (c.subject, c.period, c.stripe) > ($1::text, $2::text, $3::smallint)`;

const OPEN_PAGE = {
  name: 'open_counters',
  text: `SELECT ${COUNTERS_JSON} FROM (
    SELECT c.* FROM spendgate.counters c WHERE ${OPEN_AFTER}
    ORDER BY c.subject, c.period, c.stripe LIMIT $4::integer) p`,
};

/** The lateral join keeps the subjects' order, so that a page stops once it is full. */
const CHANGED_PAGE = {
  name: 'changed_counters',
  text: `SELECT ${COUNTERS_JSON} FROM (
    SELECT c.* FROM (
      SELECT DISTINCT s.subject COLLATE "C" AS subject
      FROM spendgate.counter_changes ch, unnest(ch.subjects) AS s (subject)
      WHERE ch.xid >= $5::xid8 AND s.subject COLLATE "C" >= $1::text
      ORDER BY 1) changed
    CROSS JOIN LATERAL (
      SELECT c.* FROM spendgate.counters c WHERE c.subject = changed.subject AND ${OPEN_AFTER}
      ORDER BY c.period, c.stripe) c
    ORDER BY changed.subject, c.period, c.stripe LIMIT $4::integer) p`,
};

const CHANGES_SIZE = {
  name: 'changes_size',
  text: 'SELECT coalesce(sum(size), 0)::text AS size FROM spendgate.counter_changes WHERE xid >= $1::xid8',
};

/** The mark and the deletion are one statement: no copy may trust changes of which some are gone. */
const PURGE = {
  name: 'purge_changes',
  text: `WITH marked AS (
      UPDATE spendgate.incarnation SET changes_from = $1::xid8 WHERE changes_from < $1::xid8
    )
    DELETE FROM spendgate.counter_changes WHERE xid < $1::xid8`,
};
