import { createLogger, createMetrics } from '@spendgate/observability';
import type { Readiness } from '@spendgate/observability';
import { expect, it } from 'vitest';
import { createServer } from './create-server.ts';
import { registerOperations } from './operations.ts';
import type { Operations } from './operations.ts';
import { NO_TOKENS } from './tokens.ts';

function start(of: Partial<Operations> & { readiness?: Readiness }) {
  const metrics = createMetrics({ service: 'test' });
  const logger = createLogger({ service: 'test', level: 'fatal' });
  const server = createServer({ service: 'test', logger, tokens: NO_TOKENS, metrics, bodyLimitBytes: 1_000 });
  registerOperations(server, { readiness: async () => [], registry: metrics.registry, ...of });
  return server;
}

it('is healthy while the process answers, whatever is away', async () => {
  const server = start({ readiness: () => Promise.reject(new Error('x')) });
  expect((await server.inject('/healthz')).statusCode).toBe(200);
});

it('is ready when every check is ok', async () => {
  const reply = await start({ readiness: async () => [{ name: 'redis', ok: true }] }).inject('/readyz');
  expect(reply.statusCode).toBe(200);
  expect(reply.json()).toEqual({ status: 'ready', checks: [{ name: 'redis', ok: true }] });
});

it('is not ready when one check fails, and says which', async () => {
  const checks = [
    { name: 'redis', ok: true },
    { name: 'ledger', ok: false, detail: 'ECONNREFUSED' },
  ];
  const reply = await start({ readiness: async () => checks }).inject('/readyz');
  expect(reply.statusCode).toBe(503);
  expect(reply.json()).toEqual({ status: 'not_ready', checks });
});

it('is not ready when the checks themselves fail', async () => {
  const reply = await start({ readiness: () => Promise.reject(new Error('at 10.0.0.7')) }).inject('/readyz');
  expect(reply.statusCode).toBe(503);
  expect(reply.body).not.toContain('10.0.0.7');
});

it('is not ready once it stops', async () => {
  const reply = await start({ stopping: () => true }).inject('/readyz');
  expect(reply.statusCode).toBe(503);
  expect(reply.body).toContain('stopping');
});

it('shows metrics to everyone when no token is set', async () => {
  const reply = await start({}).inject('/metrics');
  expect(reply.statusCode).toBe(200);
  expect(reply.headers['content-type']).toContain('text/plain');
  expect(reply.body).toContain('process_cpu_seconds_total');
});

it.each([
  [undefined, 401],
  ['Bearer wrong', 401],
  ['Bearer scrape-me', 200],
])('shows metrics behind a token to %j with %i', async (authorization, status) => {
  const server = start({ metricsToken: 'scrape-me' });
  const headers = authorization === undefined ? {} : { authorization };
  expect((await server.inject({ url: '/metrics', headers })).statusCode).toBe(status);
});
