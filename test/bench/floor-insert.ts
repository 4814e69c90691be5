import type { Pool } from 'pg';
import { z } from 'zod';

/** One batch of ledger rows and ids, as arrays by column, ready to be sent. */
export interface LedgerRows {
  readonly count: number;
  readonly parameters: readonly (readonly (string | number | boolean | null)[])[];
}

export interface FloorInsert {
  /** The rows that the ledger under test wrote for this prefix, in batches of `batch`. */
  readRows(of: { readonly prefix: string; readonly batch: number }): Promise<readonly LedgerRows[]>;
  write(rows: LedgerRows): Promise<void>;
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly isArray: boolean;
}

const TABLES = ['spendgate.event_ids', 'spendgate.spend_events'] as const;
const columnRow = z.object({ name: z.string(), type: z.string(), isArray: z.boolean() });
const textRow = z.record(z.string(), z.string().nullable());

/**
 * One multi-row INSERT into copies of the ledger's two tables, as one would write it who had nothing else to do: both
 * tables in one statement, a column an array.
 */
export async function createFloorInsert(pools: {
  readonly target: Pool;
  readonly source: Pool;
}): Promise<FloorInsert> {
  const columns = await Promise.all(TABLES.map((table) => columnsOf(pools.source, table)));
  const [ids = [], events = []] = columns;
  const statement = `WITH ids AS (${insertOf(TABLES[0], ids, 1)}) ${insertOf(TABLES[1], events, ids.length + 1)}`;
  return {
    readRows: async (of) => {
      const parts = await Promise.all(
        TABLES.map((table, index) => readTable(pools.source, table, columns[index] ?? [], of)),
      );
      const [idBatches = [], eventBatches = []] = parts;
      return eventBatches.map((batch, index) => ({
        count: batch[0]?.length ?? 0,
        parameters: [...(idBatches[index] ?? []), ...batch],
      }));
    },
    write: async (rows) => {
      await pools.target.query({ name: 'floor', text: statement, values: [...rows.parameters] });
    },
  };
}

async function columnsOf(pool: Pool, table: string): Promise<readonly Column[]> {
  const found = await pool.query(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, t.typcategory = 'A' AS "isArray"
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND t.typname <> 'xid8' ORDER BY a.attnum`,
    [table],
  );
  const columns = z.array(columnRow).parse(found.rows);
  if (columns.length === 0) throw new Error(`there is no table ${table}`);
  return columns;
}

// Arrays of arrays would be flattened by unnest, so such columns travel as text.
function insertOf(table: string, columns: readonly Column[], firstParameter: number): string {
  const names = columns.map((column) => `"${column.name}"`).join(', ');
  const chosen = columns.map((column) =>
    column.isArray ? `"${column.name}"::${column.type}` : `"${column.name}"`,
  );
  const arrays = columns.map(
    (column, index) => `$${firstParameter + index}::${column.isArray ? 'text' : column.type}[]`,
  );
  return `INSERT INTO ${table} (${names}) SELECT ${chosen.join(', ')} FROM unnest(${arrays.join(', ')}) AS row (${names})`;
}

async function readTable(
  pool: Pool,
  table: string,
  columns: readonly Column[],
  of: { readonly prefix: string; readonly batch: number },
): Promise<readonly (readonly (readonly (string | number | boolean | null)[])[])[]> {
  const texts = columns.map((column) => `"${column.name}"::text AS "${column.name}"`).join(', ');
  const found = await pool.query(
    `SELECT ${texts} FROM ${table} WHERE id >= $1 AND id < $2 ORDER BY ${table}.id`,
    [`${of.prefix}-`, `${of.prefix}.`],
  );
  const rows = z.array(textRow).parse(found.rows);
  return Array.from({ length: Math.ceil(rows.length / of.batch) }, (_, index) => {
    const batch = rows.slice(index * of.batch, (index + 1) * of.batch);
    return columns.map((column) => batch.map((row) => toParameter(column, row[column.name] ?? null)));
  });
}

function toParameter(column: Column, text: string | null): string | number | boolean | null {
  if (text === null) return null;
  if (column.type === 'boolean') return text === 'true';
  return /^(?:smallint|integer|bigint)$/.test(column.type) && Number.isSafeInteger(Number(text))
    ? Number(text)
    : text;
}
