import type { RecordedCall } from '@spendgate/domain';
import { z } from 'zod';
import type { Session } from './session-pool.ts';

/** What a ledger holds of a call that decides its charges. */
const callRow = z
  .object({
    started_at: z.date(),
    cost_nano_usd: z.string(),
    identity: z.string().nullable(),
    category: z.string().nullable(),
    key_hash: z.string().nullable(),
    team_id: z.string().nullable(),
    user_id: z.string().nullable(),
    model_group: z.string().nullable(),
    model: z.string().nullable(),
  })
  .transform((row): RecordedCall => ({
    startedAt: row.started_at,
    costNanoUsd: BigInt(row.cost_nano_usd),
    identity: row.identity,
    category: row.category,
    keyHash: row.key_hash,
    teamId: row.team_id,
    userId: row.user_id,
    modelGroup: row.model_group,
    model: row.model,
  }));

/** Calls of the table that cost something, page by page, as they stood when the first page was asked for. */
export function readCalls(session: Session, table: string): AsyncGenerator<readonly RecordedCall[]> {
  return readPages(session, {
    row: callRow,
    query: `SELECT started_at, cost_nano_usd, identity, category, key_hash, team_id, user_id, model_group, model
      FROM ${table} WHERE cost_nano_usd > 0`,
  });
}

const PAGE_ROWS = 5_000;

/**
 * Reads a query's rows through a cursor, so that memory does not grow with their number. Needs a transaction, and
 * one cursor at a time in it.
 */
export async function* readPages<Row>(
  session: Session,
  of: { readonly row: z.ZodType<Row>; readonly query: string },
): AsyncGenerator<readonly Row[]> {
  await session.run({ text: `DECLARE ledger_rows NO SCROLL CURSOR FOR ${of.query}` });
  for (;;) {
    const page = await session.rows(of.row, { text: `FETCH ${PAGE_ROWS} FROM ledger_rows` });
    if (page.length > 0) yield page;
    if (page.length < PAGE_ROWS) break;
  }
  await session.run({ text: 'CLOSE ledger_rows' });
}
