import type { UnpricedEvent, UnpricedEvents } from '@spendgate/application';
import { z } from 'zod';
import type { SessionPool } from './session-pool.ts';

/** A count beyond this says "far too many"; counting on would only cost. */
const MAX_COUNT = 100_000;

const unpricedRow = z
  .object({
    id: z.string(),
    started_at: z.date(),
    base: z.string().nullable(),
    identity: z.string().nullable(),
    category: z.string().nullable(),
    key_hash: z.string().nullable(),
    team_id: z.string().nullable(),
    user_id: z.string().nullable(),
    model_group: z.string().nullable(),
    model: z.string().nullable(),
    provider: z.string().nullable(),
    prompt_tokens: z.string(),
    completion_tokens: z.string(),
    priced_nano_usd: z.string().nullable(),
  })
  .transform((row): UnpricedEvent => ({
    id: row.id,
    startedAt: row.started_at,
    base: row.base,
    identity: row.identity,
    category: row.category,
    keyHash: row.key_hash,
    teamId: row.team_id,
    userId: row.user_id,
    modelGroup: row.model_group,
    model: row.model,
    provider: row.provider,
    promptTokens: Number(row.prompt_tokens),
    completionTokens: Number(row.completion_tokens),
    pricedNanoUsd: row.priced_nano_usd === null ? null : BigInt(row.priced_nano_usd),
  }));
const countRow = z.object({ count: z.string() });

/** Calls whose cost was unknown. `list` and `countOpen` leave out those priced since; `find` shows their price. */
export function createUnpricedEvents(sessions: SessionPool): UnpricedEvents {
  return {
    list: ({ after, limit }) =>
      sessions.rows(unpricedRow, {
        text: `${SELECT} WHERE e.unpriced AND a.id IS NULL AND ($1::text IS NULL OR e.id > $1)
          ORDER BY e.id LIMIT $2::integer`,
        values: [after, limit],
      }),
    async find(id) {
      const [found] = await sessions.rows(unpricedRow, {
        text: `${SELECT} WHERE e.unpriced AND e.id = $1`,
        values: [id],
      });
      return found;
    },
    async countOpen() {
      const { count } = await sessions.row(countRow, {
        text: `SELECT count(*)::text AS count FROM (
          SELECT FROM spendgate.spend_events e WHERE e.unpriced AND NOT EXISTS (
            SELECT FROM spendgate.adjustments a WHERE a.kind = 'pricing' AND a.event_id = e.id)
          LIMIT ${MAX_COUNT}) open`,
      });
      return Number(count);
    },
  };
}

const SELECT = `SELECT e.id, e.started_at, e.base, e.identity, e.category, e.key_hash, e.team_id, e.user_id,
    e.model_group, e.model, e.provider, e.prompt_tokens, e.completion_tokens, a.amount_nano_usd AS priced_nano_usd
  FROM spendgate.spend_events e LEFT JOIN spendgate.adjustments a ON a.kind = 'pricing' AND a.event_id = e.id`;
