import { LedgerUnavailable } from '@spendgate/domain';
import { createLogger, createMetrics } from '@spendgate/observability';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createServer } from './create-server.ts';
import { parseTokens } from './parse-tokens.ts';
import type { AuthMode } from './parse-tokens.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function start(of: { auth?: AuthMode } = {}) {
  const lines: string[] = [];
  const logger = createLogger(
    { service: 'test', level: 'debug' },
    { write: (line) => void lines.push(line) },
  );
  const metrics = createMetrics({ service: 'test' });
  const env = {
    ENFORCER_TOKENS: 'c:check-1',
    READ_TOKENS: 'r:read-1',
    ADMIN_TOKENS: 'a:admin-1',
    INGEST_TOKENS: 'i:ingest-1',
  };
  const tokens = parseTokens({ env, auth: of.auth ?? 'on', host: '127.0.0.1', scopes: ['check'] });
  const server = createServer({
    service: 'test',
    logger,
    tokens,
    metrics,
    bodyLimitBytes: 1_000,
    openApi: { title: 'Test', version: '1' },
  });
  const body = z.strictObject({ end_user: z.string().min(1).max(5).optional(), fail: z.string().optional() });
  server.register(async (app) => {
    app.post(
      '/v1/check',
      { config: { scope: 'check' }, schema: { body: z.object(body.shape).strict() } },
      (request) => {
        const given = body.parse(request.body);
        if (given.fail === 'store') throw new LedgerUnavailable('at 10.0.0.7');
        if (given.fail === 'bug') throw new Error('the inner secret');
        return { who: request.who };
      },
    );
    app.get('/v1/list', { config: { scope: 'read' } }, (request) => ({ who: request.who }));
    app.post('/v1/change', { config: { scope: 'admin' } }, () => ({}));
    app.post('/v1/events', { config: { scope: 'ingest' } }, () => ({}));
  });
  return { server, lines, metrics };
}

const check = (headers: Record<string, string>, payload: string) => ({
  method: 'POST' as const,
  url: '/v1/check',
  headers: { ...JSON_TYPE, ...headers },
  payload,
});

describe('tokens', () => {
  it.each([
    ['POST', '/v1/check', { ingest: 403, check: 200, read: 200, admin: 200 }],
    ['GET', '/v1/list', { ingest: 403, check: 403, read: 200, admin: 200 }],
    ['POST', '/v1/change', { ingest: 403, check: 403, read: 403, admin: 200 }],
    ['POST', '/v1/events', { ingest: 200, check: 403, read: 403, admin: 403 }],
  ] as const)('%s %s answers each scope as its grants say', async (method, url, expected) => {
    const { server } = start();
    for (const [scope, status] of Object.entries(expected)) {
      const headers = { ...JSON_TYPE, ...bearer(`${scope}-1`) };
      const reply = await server.inject({
        method,
        url,
        headers,
        ...(method === 'POST' ? { payload: '{}' } : {}),
      });
      expect([scope, reply.statusCode]).toEqual([scope, status]);
    }
  });

  it.each([[{}], [bearer('wrong')], [{ authorization: 'Basic Y2hlY2stMQ==' }]])(
    'answers 401 to %j, alike and with the scheme to use',
    async (headers) => {
      const { server } = start();
      const reply = await server.inject(check(headers, '{}'));
      expect(reply.statusCode).toBe(401);
      expect(reply.headers['www-authenticate']).toBe('Bearer');
      expect(reply.json()).toEqual({
        error: { message: 'A valid token is required.', type: 'unauthorized' },
      });
    },
  );

  it('asks for the token before it reads the body', async () => {
    const { server } = start();
    expect((await server.inject(check({}, '{"end_us'))).statusCode).toBe(401);
  });

  it('knows who asks', async () => {
    const { server } = start();
    expect((await server.inject(check(bearer('read-1'), '{}'))).json()).toEqual({ who: 'r' });
  });

  it('lets everyone in with AUTH=off and says so in the log', async () => {
    const { server, lines } = start({ auth: 'off' });
    expect((await server.inject(check({}, '{}'))).statusCode).toBe(200);
    expect(lines.join('')).toContain('AUTH is off');
  });

  it('refuses a route that has no scope', () => {
    const { server } = start();
    expect(() => server.get('/v1/open', () => ({}))).toThrow('has no scope');
  });
});

describe('bad requests', () => {
  it('names the field and the rule of every problem, an unknown field under its own name', async () => {
    const { server } = start();
    const reply = await server.inject(
      check(bearer('check-1'), '{"end_user":"too-long-secret","foo":1,"bar":2}'),
    );
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toEqual({
      error: {
        message: 'The request is invalid.',
        type: 'invalid_request',
        problems: [
          { path: 'end_user', message: 'Too big: expected string to have <=5 characters' },
          { path: 'foo', message: 'Unknown field' },
          { path: 'bar', message: 'Unknown field' },
        ],
      },
    });
  });

  it.each([
    ['broken JSON', '{"end_us', JSON_TYPE, 400],
    ['no body', '', JSON_TYPE, 400],
    ['a poisoned prototype', '{"__proto__":{}}', JSON_TYPE, 400],
    ['a body over the limit', `{"end_user":"${'x'.repeat(2_000)}"}`, JSON_TYPE, 413],
    ['plain text', 'hello', { 'content-type': 'text/plain' }, 415],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ])('answers %s with its status and quotes nothing of it', async (_what, payload, headers, status) => {
    const { server } = start();
    const reply = await server.inject({
      ...check(bearer('check-1'), payload),
      headers: { ...headers, ...bearer('check-1') },
    });
    expect(reply.statusCode).toBe(status);
    expect(reply.json()).toMatchObject({ error: { type: expect.any(String), message: expect.any(String) } });
    expect(reply.body).not.toContain('end_us');
  });

  it('answers an unknown route and a malformed address in the same shape', async () => {
    const { server } = start();
    expect((await server.inject('/nope?secret=1')).json()).toEqual({
      error: { message: 'There is no such route.', type: 'not_found' },
    });
    const malformed = await server.inject('/%zz');
    expect(malformed.statusCode).toBe(400);
    expect(malformed.body).not.toContain('zz');
  });
});

describe('failures', () => {
  it('answers a store that is away with 503, Retry-After and the code', async () => {
    const { server } = start();
    const reply = await server.inject(check(bearer('check-1'), '{"fail":"store"}'));
    expect(reply.statusCode).toBe(503);
    expect(reply.headers['retry-after']).toBe('1');
    expect(reply.json()).toMatchObject({ error: { code: 'BUDGET_LEDGER_UNAVAILABLE' } });
    expect(reply.body).not.toContain('10.0.0.7');
  });

  it('answers a mistake of ours with 500 and an id, and keeps the stack for the log', async () => {
    const { server, lines } = start();
    const reply = await server.inject(check(bearer('check-1'), '{"fail":"bug"}'));
    expect(reply.statusCode).toBe(500);
    expect(reply.body).not.toContain('inner secret');
    const { request_id: id } = z
      .object({ error: z.object({ request_id: z.string() }) })
      .parse(reply.json()).error;
    const logged = lines.find((line) => line.includes(id));
    expect(logged).toContain('the inner secret');
    expect(logged).toContain('create-server.test.ts');
  });
});

describe('records', () => {
  it('never hold the query, the body or the token', async () => {
    const { server, lines } = start();
    await server.inject({ url: '/v1/list?end_user=john@company.com', headers: bearer('read-1') });
    await server.inject({ url: '/v1/list?end_user=john@company.com', headers: bearer('nobody-has-this') });
    await server.inject(check(bearer('check-1'), '{"end_user":"john@company.com"}'));
    expect(lines.join('')).toContain('"route":"/v1/list"');
    expect(lines.join('')).not.toMatch(/john|read-1|check-1|nobody-has-this/u);
  });

  it('count answers by route and status', async () => {
    const { server, metrics } = start();
    await server.inject(check(bearer('check-1'), '{}'));
    await server.inject(check(bearer('check-1'), '{}'));
    await server.inject('/nope');
    const text = await metrics.registry.metrics();
    expect(text).toContain('{method="POST",route="/v1/check",status="200",service="test"} 2');
    expect(text).toContain('{method="any",route="unmatched",status="404",service="test"} 1');
    expect(await metrics.registry.metrics()).toContain('status="200",service="test"} 2');
  });
});

it('forbids keeping and guessing answers', async () => {
  const { server } = start();
  const { headers } = await server.inject('/nope');
  expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
});

it('describes its routes as OpenAPI 3.1 with unknown fields refused', async () => {
  const { server } = start();
  const reply = await server.inject('/openapi.json');
  expect(reply.json()).toMatchObject({
    openapi: '3.1.0',
    paths: {
      '/v1/check': {
        post: {
          requestBody: { content: { 'application/json': { schema: { additionalProperties: false } } } },
        },
      },
    },
  });
});
