import { Pool } from 'pg';
import { createBodies } from './sample-events.ts';
import { createFloorInsert } from './floor-insert.ts';
import type { FloorInsert, LedgerRows } from './floor-insert.ts';
import { serveCommands } from './serve-commands.ts';
import { bodiesCommand, connectFloorInsertCommand } from './worker-commands.ts';

let insert: FloorInsert | undefined;
let bodies: readonly Buffer[] = [];
let rows: readonly LedgerRows[] = [];
let events = 0;

// The floor of ingest: parse the same bytes, and write the same rows by one statement, one body after the other.
serveCommands({
  connect: async (payload) => {
    const of = connectFloorInsertCommand.parse(payload);
    const settings = { max: 1, statement_timeout: 60_000, application_name: 'spendgate-bench-floor' };
    insert = await createFloorInsert({
      target: new Pool({ ...settings, connectionString: of.databaseUrl }),
      source: new Pool({ ...settings, connectionString: of.sourceUrl }),
    });
  },
  prepare: async (payload) => {
    const of = bodiesCommand.parse(payload);
    if (insert === undefined) throw new Error('connect first');
    events = of.events;
    bodies = createBodies(of.mix, of);
    rows = await insert.readRows({ prefix: of.mix.prefix, batch: of.batch });
    const found = rows.reduce((sum, batch) => sum + batch.count, 0);
    if (found !== events) throw new Error(`the ledger holds ${found} of the ${events} events of this round`);
  },
  run: async () => {
    if (insert === undefined) throw new Error('connect first');
    const startedMs = performance.now();
    let parsed = 0;
    for (const [index, body] of bodies.entries()) {
      const array: unknown = JSON.parse(body.toString('utf8'));
      parsed += Array.isArray(array) ? array.length : 0;
      const batch = rows[index];
      if (batch !== undefined) await insert.write(batch);
    }
    const wallMs = performance.now() - startedMs;
    bodies = [];
    rows = [];
    if (parsed !== events) throw new Error(`parsed ${parsed} of ${events} events`);
    return { operations: events, wallMs, p50Ms: null, p99Ms: null };
  },
});
