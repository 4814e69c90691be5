import { fastify } from 'fastify';
import { Redis } from 'ioredis';
import type { z } from 'zod';
import { serveCommands } from './serve-commands.ts';
import { listenFloorCommand } from './worker-commands.ts';

type Reads = z.infer<typeof listenFloorCommand>;

// The floor of a check: the same reads in one pipeline behind a bare Fastify route, and an answer of the same length.
serveCommands({
  listen: async (payload) => {
    const reads = listenFloorCommand.parse(payload);
    const redis = new Redis(reads.redisUrl);
    const app = fastify({ logger: false });
    app.post('/check', async (request) => answer(redis, reads, request.body));
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }) };
  },
});

async function answer(redis: Redis, reads: Reads, body: unknown): Promise<object> {
  const customer = isCheck(body) ? body.end_user : '';
  const pipeline = redis.pipeline();
  pipeline.get(reads.stateKey);
  for (const { key, fields } of reads.subjects) {
    const [field = '', ...others] = fields;
    const customerKey = key.replace(reads.firstCustomer, customer);
    if (others.length === 0) pipeline.hget(customerKey, field);
    else pipeline.hmget(customerKey, ...fields);
  }
  const replies = await pipeline.exec();
  const spent = replies?.map(([, values]) => values) ?? [];
  return {
    allowed: spent.length > 0,
    enforced: true,
    degraded: false,
    reason: null,
    identity: customer,
    category: 'premium_models',
    budgets: reads.subjects.map((subject, index) => ({
      subject: { kind: 'customer', id: customer },
      budget_id: subject.budgetId,
      spent_usd: spent[index + 1] === null ? 0 : 12.345_678_9,
      held_usd: 0,
      max_budget: 1_000_000,
      soft_budget: 500_000,
      remaining_usd: 987_654.321,
      period_start: '2026-11-01T00:00:00.000Z',
      resets_at: '2026-12-01T00:00:00.000Z',
      state: 'ok',
    })),
    error: null,
  };
}

function isCheck(body: unknown): body is { readonly end_user: string } {
  return typeof body === 'object' && body !== null && 'end_user' in body && typeof body.end_user === 'string';
}
