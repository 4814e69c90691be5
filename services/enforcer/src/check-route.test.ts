import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createCheckRules } from '@spendgate/application';
import type { CheckPorts } from '@spendgate/application';
import { createLogger, createMetrics } from '@spendgate/observability';
import { createServer, parseTokens } from '@spendgate/runtime';
import { budget, publishedRules } from '@spendgate/testkit';
import { createCheckMetrics } from './check-metrics.ts';
import { checkRoute } from './check-route.ts';
import { checkReply } from './check-schema.ts';

const headers = { authorization: 'Bearer check-token' };
const CUSTOMER = 'customer:john@company.com';

async function startRoute(of: { readonly spent?: Readonly<Record<string, bigint>> } = {}) {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const rules = createCheckRules({ graceMs: 1_000 });
  rules.adopt(
    publishedRules({ globalBudget: budget({ budgetId: 'global', category: null, duration: null }) }),
  );
  const keys: string[] = [];
  const ports: CheckPorts = {
    rules,
    spend: {
      read: async ({ subjects }) => ({
        health: 'whole',
        rulesVersion: 1,
        spentNanoUsd: subjects.map(({ subject }) => of.spent?.[subject] ?? null),
      }),
    },
    newCustomers: {
      admit: async ({ key }) => {
        keys.push(key);
        return true;
      },
    },
    policy: {
      enforced: true,
      timeoutMs: 50,
      fail: { mode: 'open', byCategory: {} },
      missingEndUser: 'allow',
      maxNewCustomersPerKeyPerHour: 1,
    },
    now: () => new Date('2026-11-22T12:00:00Z'),
  };
  const metrics = createMetrics({ service: 'enforcer' });
  const server = createServer({
    service: 'enforcer',
    logger: createLogger({ service: 'enforcer', level: 'debug' }, sink),
    tokens: parseTokens({
      env: { ENFORCER_TOKENS: 'litellm:check-token', INGEST_TOKENS: 'litellm:ingest-token' },
      auth: 'on',
      host: '127.0.0.1',
      scopes: ['check'],
    }),
    metrics,
    bodyLimitBytes: 65_536,
    openApi: { title: 'Spendgate enforcer', version: '1' },
  });
  await server.register(checkRoute(ports, createCheckMetrics(metrics)));
  return { server, lines, keys };
}

async function post(payload: unknown, spent?: Readonly<Record<string, bigint>>) {
  const { server } = await startRoute(spent === undefined ? {} : { spent });
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return await server.inject({
    method: 'POST',
    url: '/v1/check',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  });
}

describe('POST /v1/check', () => {
  it('answers 200 and is never stored, allowed or denied', async () => {
    const allowed = await post({ end_user: 'john@company.com' });
    const denied = await post({ end_user: 'john@company.com' }, { [CUSTOMER]: 100_000_000_000n });
    expect([allowed.statusCode, denied.statusCode]).toEqual([200, 200]);
    expect([allowed.headers['cache-control'], denied.headers['cache-control']]).toEqual([
      'no-store',
      'no-store',
    ]);
    expect(allowed.json()).toMatchObject({ allowed: true, reason: null, error: null });
    expect(denied.json()).toMatchObject({
      allowed: false,
      reason: 'budget_exceeded',
      error: {
        message: 'ExceededBudget: End User=john@company.com over budget. Spend=100, Budget=100',
        type: 'budget_exceeded',
        param: null,
        code: '400',
      },
    });
    for (const answer of [allowed, denied]) checkReply.strict().parse(answer.json());
  });

  it('never puts two closing braces into a message, whatever the customer is called', async () => {
    for (const id of ['a}}b', '}}}}', '{"error":{"x":"}}"}}}', 'end}', '} }']) {
      const answer = await post({ end_user: id }, { [`customer:${id}`]: 100_000_000_000n });
      const { error } = checkReply.parse(answer.json());
      expect(error?.message).toContain('over budget');
      expect(error?.message).not.toContain('}}');
    }
  });

  it.each([
    ['{"end_user":"a","customer":"b"}', [{ path: 'customer', message: 'Unknown field' }]],
    ['{"end_user":"","model":""}', [{ path: 'end_user' }, { path: 'model' }]],
    [JSON.stringify({ end_user: 'x'.repeat(513) }), [{ path: 'end_user' }]],
    ['[]', [{ path: '' }]],
  ])('refuses %s with a list of problems', async (body, problems) => {
    const answer = await post(body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ error: { type: 'invalid_request', problems } });
  });

  it.each(['{', '', '{"__proto__":{"end_user":"x"}}'])(
    'refuses what is no JSON of ours: %s',
    async (body) => {
      expect((await post(body)).statusCode).toBe(400);
    },
  );

  it.each(['sk-1234', ' Bearer sk-1234'])('hashes a secret key before anything sees it: %j', async (key) => {
    const { server, keys, lines } = await startRoute();
    await server.inject({
      method: 'POST',
      url: '/v1/check',
      headers,
      body: { end_user: 'john@company.com', key },
    });
    expect(keys).toEqual(['88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b']);
    expect(lines.join('')).not.toContain('sk-1234');
  });
});

describe('GET /v1/check', () => {
  it('answers as POST does', async () => {
    const { server } = await startRoute({ spent: { [CUSTOMER]: 60_000_000_000n } });
    const question = {
      end_user: 'john@company.com',
      model: 'gpt-4o',
      channel: 'platform',
      user_agent: 'x',
      key: 'sk-1',
      team: 't',
      user: 'u',
    };
    const query = new URLSearchParams(question).toString();
    const got = await server.inject({ method: 'GET', url: `/v1/check?${query}`, headers });
    const posted = await server.inject({ method: 'POST', url: '/v1/check', headers, body: question });
    expect(got.statusCode).toBe(200);
    expect(got.json()).toEqual(posted.json());
    expect(got.headers['cache-control']).toBe('no-store');
  });

  it.each(['end_user=', 'end_user=a&end_user=b', 'customer=a', 'channel=web'])(
    'refuses ?%s',
    async (query) => {
      const { server } = await startRoute();
      const answer = await server.inject({ method: 'GET', url: `/v1/check?${query}`, headers });
      expect(answer.statusCode).toBe(400);
    },
  );

  it('does not write the query to the log', async () => {
    const { server, lines } = await startRoute();
    for (const query of ['end_user=secretive@company.com', 'nonsense=secretive@company.com']) {
      await server.inject({ method: 'GET', url: `/v1/check?${query}`, headers });
    }
    await server.inject({ method: 'GET', url: '/v1/chec?end_user=secretive@company.com', headers });
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.join('')).not.toContain('secretive');
  });
});

describe('who may check', () => {
  it.each([
    [undefined, 401],
    ['Bearer wrong', 401],
    ['Bearer ingest-token', 403],
    ['Bearer check-token', 200],
  ])('%s is answered %i', async (authorization, status) => {
    const { server } = await startRoute();
    const answer = await server.inject({
      method: 'GET',
      url: '/v1/check?end_user=a',
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(answer.statusCode).toBe(status);
  });
});

it('documents the check', async () => {
  const { server } = await startRoute();
  const document = await server.inject({ method: 'GET', url: '/openapi.json' });
  expect(document.json()).toMatchObject({ paths: { '/v1/check': { post: {}, get: {} } } });
});
