import { Pool } from 'undici';
import { z } from 'zod';
import { createBodies } from './sample-events.ts';
import { percentiles, runConcurrently } from './run-concurrently.ts';
import { serveCommands } from './serve-commands.ts';
import { bodiesCommand, connectEventsCommand, paceCommand } from './worker-commands.ts';

const accepted = z.object({ accepted: z.int(), duplicates: z.int(), rejected: z.int() });

let pool: Pool | undefined;
let connections = 1;
let headers: Record<string, string> = {};
let bodies: readonly Buffer[] = [];
let events = 0;

// Posts events as LiteLLM does, each body when an earlier one of its connection is answered.
serveCommands({
  connect: async (payload) => {
    const of = connectEventsCommand.parse(payload);
    connections = of.connections;
    pool = new Pool(of.url, { connections, pipelining: 1, bodyTimeout: 60_000, headersTimeout: 60_000 });
    headers = { authorization: `Bearer ${of.token}`, 'content-type': 'application/json' };
    return Promise.resolve();
  },
  prepare: async (payload) => {
    const of = bodiesCommand.parse(payload);
    events = of.events;
    bodies = createBodies(of.mix, of);
    return Promise.resolve();
  },
  run: async (payload) => {
    const { perSecond } = paceCommand.parse(payload);
    let acceptedEvents = 0;
    const { wallMs, latenciesMs } = await runConcurrently(
      bodies,
      { width: connections, perSecond },
      async (body) => {
        const count = await post(body);
        acceptedEvents += count;
      },
    );
    bodies = [];
    if (acceptedEvents !== events) throw new Error(`${acceptedEvents} of ${events} events were accepted`);
    return { operations: events, wallMs, ...percentiles(latenciesMs) };
  },
});

async function post(body: Buffer): Promise<number> {
  if (pool === undefined) throw new Error('connect first');
  const reply = await pool.request({ method: 'POST', path: '/v1/events', headers, body });
  const text = await reply.body.text();
  if (reply.statusCode !== 200) throw new Error(`ingest answered ${reply.statusCode}: ${text.slice(0, 500)}`);
  const counts = accepted.parse(JSON.parse(text));
  if (counts.rejected + counts.duplicates > 0) throw new Error(`not all accepted: ${text.slice(0, 500)}`);
  return counts.accepted;
}
