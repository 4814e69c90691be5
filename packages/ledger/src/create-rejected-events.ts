import type { RejectedEvent, RejectedEvents, Rejection } from '@spendgate/application';
import { z } from 'zod';
import type { SessionPool } from './session-pool.ts';

const rejectedRow = z
  .object({
    id: z.string(),
    event_id: z.string().nullable(),
    reason: z.string(),
    detail: z.string(),
    projection: z.record(z.string(), z.unknown()).nullable(),
    source: z.enum(['http', 'kafka']),
    source_offset: z.string().nullable(),
    received_at: z.date(),
    state: z.enum(['open', 'replayed', 'dismissed']),
    changed_by: z.string().nullable(),
    changed_at: z.date().nullable(),
  })
  .transform((row): RejectedEvent => ({
    id: row.id,
    eventId: row.event_id,
    reason: row.reason,
    detail: row.detail,
    projection: row.projection,
    source: row.source,
    sourceOffset: row.source_offset,
    receivedAt: row.received_at,
    state: row.state,
    changedBy: row.changed_by,
    changedAt: row.changed_at,
  }));
/** A count beyond this says "far too many"; counting on would only cost. */
const MAX_COUNT = 100_000;
const countRow = z.object({ count: z.string() });

const COLUMNS = `id, event_id, reason, detail, projection, source, source_offset, received_at, state, changed_by,
  changed_at`;

/** Refused events on PostgreSQL. Newest first in lists, since those are the ones being looked into. */
export function createRejectedEvents(sessions: SessionPool): RejectedEvents {
  return {
    async park(rejections) {
      if (rejections.length === 0) return;
      await sessions.run({ ...PARK, values: [storableJson(rejections.map(toRow))] });
    },
    list: ({ state, after, limit }) =>
      isId(after)
        ? sessions.rows(rejectedRow, { ...LIST, values: [state, after, limit] })
        : Promise.resolve([]),
    async find(id) {
      if (!isId(id)) return undefined;
      const [found] = await sessions.rows(rejectedRow, {
        text: `SELECT ${COLUMNS} FROM spendgate.rejected_events WHERE id = $1`,
        values: [id],
      });
      return found;
    },
    async update({ id, projection, state, by }) {
      if (!isId(id)) return undefined;
      const [updated] = await sessions.rows(rejectedRow, {
        text: UPDATE,
        values: [id, projection === undefined ? null : storableJson(projection), state ?? null, by],
      });
      return updated;
    },
    async countOpen() {
      const row = await sessions.row(countRow, {
        text: `SELECT count(*)::text AS count FROM (
          SELECT FROM spendgate.rejected_events WHERE state = 'open' LIMIT ${MAX_COUNT}) open`,
      });
      return Number(row.count);
    },
  };
}

/** Ids come from outside; what is no number of ours names nothing. */
function isId(id: string | null): boolean {
  return id === null || /^\d{1,18}$/.test(id);
}

function toRow(rejection: Rejection): Readonly<Record<string, unknown>> {
  return {
    event_id: rejection.eventId,
    reason: rejection.reason,
    detail: rejection.detail,
    projection: rejection.projection,
    source: rejection.source,
    source_offset: rejection.sourceOffset,
    received_at: rejection.receivedAt,
    identity: rejection.identity ?? rejection.sourceOffset,
  };
}

/**
 * JSON that jsonb takes. Parking is the last resort, so it must not fail on text that PostgreSQL cannot hold: a
 * NUL or a lone surrogate (the only surrogates that JSON.stringify escapes) becomes the replacement character.
 */
function storableJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/\\(?:u[0-9a-f]{4}|.)/g, (escape) =>
    /^\\u(?:0000|d[89a-f])/.test(escape) ? '\uFFFD' : escape,
  );
}

/**
 * The digest is made from jsonb, whose text does not depend on the order in which keys came. One row for each
 * digest, since an insert may not touch a row twice.
 */
const PARK = {
  name: 'park_rejected',
  text: `INSERT INTO spendgate.rejected_events
      (digest, event_id, reason, detail, projection, source, source_offset, received_at)
    SELECT DISTINCT ON (1) sha256(convert_to(jsonb_build_array(r.event_id, r.reason, r.projection,
        CASE WHEN r.event_id IS NULL THEN r.identity END)::text, 'UTF8')),
      r.event_id, r.reason, r.detail, r.projection, r.source, r.source_offset, r.received_at
    FROM (SELECT event_id, reason, detail, nullif(projection, 'null') AS projection, source, source_offset, received_at, identity
      FROM jsonb_to_recordset($1::jsonb) AS t (event_id text, reason text, detail text, projection jsonb,
        source text, source_offset text, received_at timestamptz, identity text)) AS r
    ORDER BY 1
    ON CONFLICT (digest) DO UPDATE SET state = 'open', changed_by = 'ingest', changed_at = now()
    WHERE rejected_events.state = 'dismissed'`,
};

const LIST = {
  text: `SELECT ${COLUMNS} FROM spendgate.rejected_events
    WHERE ($1::text IS NULL OR state = $1) AND ($2::bigint IS NULL OR id < $2)
    ORDER BY id DESC LIMIT $3::integer`,
};

const UPDATE = `UPDATE spendgate.rejected_events SET projection = coalesce($2::jsonb, projection),
    state = coalesce($3, state), changed_by = $4, changed_at = now()
  WHERE id = $1 AND state <> 'replayed' RETURNING ${COLUMNS}`;
