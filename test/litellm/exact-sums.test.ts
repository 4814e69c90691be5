import { setTimeout as delay } from 'node:timers/promises';
import { nanoToUsd, usdToNano } from '@spendgate/domain';
import { liteLlmEventsPort, startLiteLlm, startService, storesTest, waitFor } from '@spendgate/testkit';
import { expect } from 'vitest';
import { z } from 'zod';

const USERS = ['ann', 'bob', 'cid', 'dot', 'eve'].map((name) => `${name}@company.com`);
const MODELS = ['gpt-4o-mini', 'claude-opus-4'];
const CALLS = 100;
// LiteLLM's callback forgets events that come while it sends others. So each call waits until the event of the one
// before was counted, and a moment longer for the callback to hear of it.
const CALLBACK_MS = 25;
const TOKEN = 'dev-ingest-token';

const counter = z.object({ subject: z.string(), spent: z.string() });

storesTest(
  'counts exactly what a real LiteLLM says its calls cost',
  async ({ database, redisUrl, onTestFinished }) => {
    const port = await liteLlmEventsPort();
    const stores = { DATABASE_URL: database.url, REDIS_URL: redisUrl };
    const jobs = await startService('jobs', {
      env: { ...stores, AUTH: 'off', LLM_PROXY_BUDGET_SYNC_ENABLED: 'true' },
    });
    onTestFinished(async () => void (await jobs.stop()));
    const ingest = await startService('ingest', {
      env: { ...stores, PORT: String(port), INGEST_TOKENS: `litellm:${TOKEN}` },
    });
    onTestFinished(async () => void (await ingest.stop()));
    const litellm = await startLiteLlm({ eventsUrl: `${ingest.url}/v1/events`, token: TOKEN });
    onTestFinished(() => litellm.stop());

    const counted = async (): Promise<number> => {
      const { rows } = await database.pool.query('SELECT count(*)::int AS count FROM spendgate.spend_events');
      return z.object({ count: z.number() }).parse(rows[0]).count;
    };
    const costs = new Map<string, bigint>();
    for (let call = 0; call < CALLS; call += 1) {
      const user = USERS[call % USERS.length] ?? '';
      const model = MODELS[Math.floor(call / USERS.length) % MODELS.length] ?? '';
      const cost = await chat({ url: litellm.url, masterKey: litellm.masterKey, user, model });
      costs.set(user, (costs.get(user) ?? 0n) + usdToNano(cost));
      const what = `the event of call ${call + 1}`;
      await waitFor(async () => (await counted()) > call, { what, timeoutMs: 20_000, intervalMs: 5 });
      await delay(CALLBACK_MS);
    }

    expect(await counted()).toBe(CALLS);
    const { rows } = await database.pool.query(
      `SELECT subject, sum(spent_nano_usd)::text AS spent FROM spendgate.counters WHERE subject LIKE 'customer:%' GROUP BY subject`,
    );
    const spent = new Map(
      rows.map((row) => counter.parse(row)).map((row) => [row.subject.slice('customer:'.length), row.spent]),
    );
    expect(Object.fromEntries(spent)).toEqual(
      Object.fromEntries([...costs].map(([user, nano]) => [user, nano.toString()])),
    );
    expect([...costs.values()].every((nano) => nanoToUsd(nano) > 0)).toBe(true);
  },
);

/** One chat completion; returns the cost that LiteLLM's own answer names, as text. */
async function chat(of: {
  readonly url: string;
  readonly masterKey: string;
  readonly user: string;
  readonly model: string;
}): Promise<string> {
  const answer = await fetch(`${of.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${of.masterKey}` },
    body: JSON.stringify({ model: of.model, user: of.user, messages: [{ role: 'user', content: 'hello' }] }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return z.string().parse(answer.headers.get('x-litellm-response-cost'));
}
