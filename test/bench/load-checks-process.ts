import { Client } from 'undici';
import { z } from 'zod';
import { percentiles, runConcurrently } from './run-concurrently.ts';
import { serveCommands } from './serve-commands.ts';
import { checksCommand, connectChecksCommand } from './worker-commands.ts';

const reply = z.object({ allowed: z.literal(true), degraded: z.literal(false) });

let clients: readonly Client[] = [];
let target: z.infer<typeof connectChecksCommand> | undefined;
let seed = 1;

// Asks for checks of random customers, over connections that stay open.
serveCommands({
  connect: async (payload) => {
    await Promise.all(clients.map((client) => client.close()));
    const of = connectChecksCommand.parse(payload);
    target = of;
    clients = Array.from({ length: of.connections }, () => new Client(of.url, { pipelining: 1 }));
  },
  run: async (payload) => {
    const of = checksCommand.parse(payload);
    const bodies = Array.from({ length: of.checks }, () => nextBody());
    const pace = { width: clients.length, perSecond: of.perSecond };
    const { wallMs, latenciesMs } = await runConcurrently(bodies, pace, check);
    return { operations: of.checks, wallMs, ...percentiles(latenciesMs) };
  },
});

async function check(body: string, lane: number): Promise<void> {
  const client = clients[lane];
  if (client === undefined || target === undefined) throw new Error('connect first');
  const answer = await client.request({
    method: 'POST',
    path: target.path,
    headers: { authorization: `Bearer ${target.token}`, 'content-type': 'application/json' },
    body,
  });
  const text = await answer.body.text();
  // Reading one answer in 64 keeps the generator from being what limits the rate.
  if (answer.statusCode !== 200 || random() % 64 === 0) {
    if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}: ${text.slice(0, 500)}`);
    reply.parse(JSON.parse(text));
  }
}

function nextBody(): string {
  if (target === undefined) throw new Error('connect first');
  return JSON.stringify({
    end_user: `customer-${random() % target.customers}@company.com`,
    model: target.model,
  });
}

/** xorshift32: the same customers in the same order in every run. */
function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return seed >>> 0;
}
