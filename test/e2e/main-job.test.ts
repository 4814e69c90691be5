import { randomUUID } from 'node:crypto';
import { restamp, sampleBatches, sampleEvent, waitFor } from '@spendgate/testkit';
import type { Payload, RunningService } from '@spendgate/testkit';
import { expect } from 'vitest';
import { z } from 'zod';
import { administrate, check, sendEvents, sendText, spentBy } from './stack/client.ts';
import { CLI_BUDGET_ID, PREMIUM_BUDGET_ID, TOKENS, start, writeBudgets } from './stack/services.ts';
import { kafkaStackTest } from './stack/stores.ts';
import { expectEqualSums, missingFromLedger, rejectedIds } from './stack/sums.ts';
import { redisKeysWith, tablesWith } from './stack/traces.ts';

/** Stands in every place of a payload where content is, and must be found nowhere afterwards. */
const SECRET = `content-${randomUUID()}`;
const PERIODS = { platform: '30d', cli: '30s', premium_models: '30d' } as const;
const CLI_PERIOD_MS = 30_000;

const systemTest = kafkaStackTest.extend(
  'system',
  { scope: 'file' },
  async ({ stores, lazyTopic }, hooks) => {
    const topic = await lazyTopic.open();
    const lines: string[] = [];
    const common = { stores, onLine: (line: string): void => void lines.push(line) };
    const budgets = writeBudgets({
      duration: '30d',
      cliDuration: '30s',
      platform: [0.5, 1],
      cli: [0.5, 1],
      premium: [0.2, 0.3],
    });
    const jobs = await start('jobs', { ...common, env: { BUDGETS_CONFIG: budgets, LOG_LEVEL: 'debug' } });
    const [enforcer, ingest, kafkaIngest] = await Promise.all([
      start('enforcer', { ...common, env: { LOG_LEVEL: 'debug' } }),
      start('ingest', { ...common, env: { LOG_LEVEL: 'debug' } }),
      start('ingest', { ...common, topic, env: { LOG_LEVEL: 'debug' } }),
    ]);
    hooks.onCleanup(async () => {
      await Promise.all([jobs, enforcer, ingest, kafkaIngest].map(async (service) => service.stop()));
    });
    return { jobs, enforcer, ingest, kafkaIngest, lines, topic };
  },
);

/** A captured event as of now, with the secret wherever LiteLLM puts content. */
function event(
  name: string,
  of: { readonly endUser: string; readonly costUsd?: number | null; readonly at?: Date },
): Payload {
  const { at, ...changes } = of;
  const stamped = restamp(sampleEvent(name), { startedAt: at ?? new Date(), ...changes });
  return {
    ...stamped,
    messages: [{ role: 'user', content: SECRET }],
    response: { choices: [{ message: { content: SECRET } }] },
    error_str: SECRET,
    error_information: { error_message: SECRET, traceback: SECRET, error_class: 'Boom' },
    model_parameters: { stop: SECRET },
    metadata: {
      ...z.record(z.string(), z.unknown()).parse(stamped['metadata']),
      requester_custom_headers: { 'x-secret': SECRET },
      requester_metadata: { note: SECRET },
      spend_logs_metadata: { note: SECRET },
    },
  };
}

const CHEAP = 'event-success-plain-cheap';
const PREMIUM = 'event-success-plain-premium';
const customer = (): string => `${randomUUID().slice(0, 8)}@company.com`;
const idOf = (payload: Payload): string => String(payload['id']);

async function untilSpent(
  enforcer: RunningService,
  of: { readonly endUser: string; readonly usd: number; readonly model?: string; readonly identity?: string },
): Promise<void> {
  const request = { end_user: of.endUser, ...(of.model === undefined ? {} : { model: of.model }) };
  let last: number | undefined;
  await waitFor(
    async () => {
      last = spentBy(await check(enforcer, request), of.identity ?? of.endUser);
      return last === of.usd;
    },
    { what: `${of.usd} USD spent by ${of.endUser}`, timeoutMs: 15_000 },
  ).catch((error: unknown) => {
    throw new Error(`The last answer said ${last}`, { cause: error });
  });
}

systemTest.concurrent(
  'shows what LiteLLM sent, to the nano-dollar, in the next check',
  async ({ system }) => {
    const endUser = customer();
    const costs: bigint[] = [];
    for (const { payloads } of sampleBatches()) {
      const stamped = payloads.map((payload) => restamp(payload, { startedAt: new Date(), endUser }));
      const answer = await sendEvents(system.ingest, stamped);
      expect(answer).toMatchObject({ accepted: payloads.length, duplicates: 0, rejected: 0 });
      for (const { model_group: model, response_cost: cost } of payloads) {
        if (typeof cost === 'number' && !String(model).includes('opus'))
          costs.push(BigInt(Math.round(cost * 1e9)));
      }
    }
    const sum = costs.reduce((total, cost) => total + cost, 0n);
    expect(sum).toBeGreaterThan(0n);
    const answer = await check(system.enforcer, { end_user: endUser, model: 'gpt-4o-mini' });
    expect(spentBy(answer, endUser)).toBe(Number(sum) / 1e9);
    expect(answer).toMatchObject({ allowed: true, enforced: true, degraded: false, identity: endUser });
  },
);

systemTest.concurrent(
  'warns past the soft limit and denies the first check after the answer that reached the maximum',
  async ({ system }) => {
    const endUser = customer();
    await sendEvents(system.ingest, [event(CHEAP, { endUser, costUsd: 0.6 })]);
    const warned = await check(system.enforcer, { end_user: endUser, model: 'gpt-4o-mini' });
    expect(warned).toMatchObject({ allowed: true, reason: null, error: null });
    expect(warned.budgets[0]).toMatchObject({ state: 'soft_exceeded', remaining_usd: 0.4, max_budget: 1 });

    await sendEvents(system.ingest, [event(CHEAP, { endUser, costUsd: 0.399_999_999 })]);
    expect((await check(system.enforcer, { end_user: endUser })).allowed).toBe(true);
    await sendEvents(system.ingest, [event(CHEAP, { endUser, costUsd: 0.000_000_001 })]);
    const denied = await check(system.enforcer, { end_user: endUser });
    expect(denied).toMatchObject({ allowed: false, reason: 'budget_exceeded' });
    expect(denied.error).toMatchObject({
      message: `ExceededBudget: End User=${endUser} over budget. Spend=1, Budget=1`,
      code: '400',
    });
  },
);

systemTest.concurrent('denies premium models while the base identity still passes', async ({ system }) => {
  const endUser = customer();
  const identity = `${endUser}_${PREMIUM_BUDGET_ID}`;
  await sendEvents(system.ingest, [event(PREMIUM, { endUser, costUsd: 0.3 })]);
  const premium = await check(system.enforcer, { end_user: endUser, model: 'claude-opus-4' });
  expect(premium).toMatchObject({ allowed: false, identity, category: 'premium_models' });
  expect(premium.error?.message).toContain(`End User=${identity} over budget`);
  const base = await check(system.enforcer, { end_user: endUser, model: 'gpt-4o-mini' });
  expect(base).toMatchObject({ allowed: true, identity: endUser });
  expect(spentBy(base, endUser)).toBe(0);

  await sendEvents(system.ingest, [event(CHEAP, { endUser: identity, costUsd: 0.1 })]);
  await untilSpent(system.enforcer, { endUser, identity, model: 'claude-opus-4', usd: 0.4 });
});

systemTest.concurrent(
  'counts an event once, however often and on whatever way it comes',
  async ({ system }) => {
    const endUser = customer();
    const [first, second] = [
      event(CHEAP, { endUser, costUsd: 0.1 }),
      event(CHEAP, { endUser, costUsd: 0.02 }),
    ];
    const answer = await sendEvents(system.ingest, [first, first]);
    expect(answer).toMatchObject({ accepted: 1, duplicates: 1 });
    await sendEvents(system.kafkaIngest, [first, second]);
    await system.topic.produce([JSON.stringify(second), JSON.stringify([first, second])]);
    await untilSpent(system.enforcer, { endUser, usd: 0.12 });
    expect(await sendEvents(system.ingest, [second, first])).toMatchObject({ accepted: 0, duplicates: 2 });
    await expect.poll(async () => system.topic.lag(), { timeout: 20_000 }).toBe(0);
    expect(spentBy(await check(system.enforcer, { end_user: endUser }), endUser)).toBe(0.12);
  },
);

systemTest.concurrent('counts and denies by what comes over Kafka', async ({ system }) => {
  const endUser = customer();
  const events = Array.from({ length: 40 }, () => event(CHEAP, { endUser, costUsd: 0.025 }));
  expect(await sendEvents(system.kafkaIngest, events)).toMatchObject({ accepted: 40, rejected: 0 });
  await untilSpent(system.enforcer, { endUser, usd: 1 });
  expect(await check(system.enforcer, { end_user: endUser })).toMatchObject({ allowed: false });
});

systemTest.concurrent(
  'counts nothing for failures and cache hits, and keeps them',
  async ({ system, stores }) => {
    const endUser = customer();
    const free = [
      event('event-failure-connection', { endUser, costUsd: 0.5 }),
      event('event-success-cache-hit', { endUser, costUsd: 0.5 }),
    ];
    expect(await sendEvents(system.ingest, free)).toMatchObject({ accepted: 2 });
    expect(spentBy(await check(system.enforcer, { end_user: endUser }), endUser)).toBe(0);
    expect(await missingFromLedger(stores, free.map(idOf))).toEqual([]);
  },
);

systemTest.concurrent('lists an event without a price, and counts it once it has one', async ({ system }) => {
  const endUser = customer();
  const unpriced = event(CHEAP, { endUser, costUsd: null });
  expect(await sendEvents(system.ingest, [unpriced])).toMatchObject({ accepted: 1 });
  const listed = z.object({ items: z.array(z.object({ id: z.string() })) });
  const list = async () =>
    listed
      .parse(await administrate(system.ingest, { path: '/v1/unpriced?limit=1000' }))
      .items.map(({ id }) => id);
  expect(await list()).toContain(idOf(unpriced));
  expect(spentBy(await check(system.enforcer, { end_user: endUser }), endUser)).toBe(0);

  const price = { method: 'POST', path: `/v1/events/${idOf(unpriced)}/price`, body: { cost_usd: 1.25 } };
  await administrate(system.ingest, price);
  await administrate(system.ingest, price);
  const denied = await check(system.enforcer, { end_user: endUser });
  expect(spentBy(denied, endUser)).toBe(1.25);
  expect(denied.allowed).toBe(false);
  expect(await list()).not.toContain(idOf(unpriced));
});

systemTest.concurrent(
  'keeps a refused event beside good ones, and counts it once it is mended',
  async ({ system }) => {
    const endUser = customer();
    const broken = { ...event(CHEAP, { endUser, costUsd: 0.25 }), prompt_tokens: 'many' };
    const answer = await sendEvents(system.ingest, [
      event(CHEAP, { endUser, costUsd: 0.1 }),
      broken,
      'no event',
    ]);
    expect(answer).toMatchObject({ accepted: 1, rejected: 2 });
    const listed = z.object({
      items: z.array(
        z.object({ id: z.string(), event_id: z.string().nullable(), detail: z.string(), state: z.string() }),
      ),
    });
    const find = async () =>
      listed
        .parse(await administrate(system.ingest, { path: '/v1/rejected-events?limit=1000' }))
        .items.find((item) => item.event_id === idOf(broken));
    const found = await find();
    expect(found?.detail).toContain('prompt_tokens');
    const path = `/v1/rejected-events/${found?.id}`;
    await administrate(system.ingest, { method: 'PATCH', path, body: { projection: { prompt_tokens: 7 } } });
    await administrate(system.ingest, { method: 'POST', path: `${path}/replay` });
    expect(spentBy(await check(system.enforcer, { end_user: endUser }), endUser)).toBe(0.35);
    // LiteLLM may deliver it again, as it was.
    expect(await sendEvents(system.ingest, [broken])).toMatchObject({ accepted: 0, rejected: 1 });
    expect((await find())?.state).toBe('replayed');
    expect(spentBy(await check(system.enforcer, { end_user: endUser }), endUser)).toBe(0.35);
  },
);

systemTest.concurrent(
  'rolls a period over by the clock, and counts a late event in its own',
  async ({ system }) => {
    const endUser = customer();
    const identity = `${endUser}_${CLI_BUDGET_ID}`;
    const leftMs = (): number => CLI_PERIOD_MS - (Date.now() % CLI_PERIOD_MS);
    await waitFor(() => leftMs() > 6_000, { what: 'a period that has just begun', timeoutMs: 10_000 });
    const startedAt = new Date();
    await sendEvents(system.ingest, [event(CHEAP, { endUser: identity, costUsd: 1, at: startedAt })]);
    const denied = await check(system.enforcer, { end_user: endUser, channel: 'cli' });
    expect(denied).toMatchObject({ allowed: false, identity, category: 'cli' });
    const resetsAtMs = Date.parse(denied.budgets[0]?.resets_at ?? '');
    expect(resetsAtMs).toBe((Math.floor(startedAt.getTime() / CLI_PERIOD_MS) + 1) * CLI_PERIOD_MS);

    for (let over = false; !over;) {
      const askedAtMs = Date.now();
      const answer = await check(system.enforcer, { end_user: endUser, channel: 'cli' });
      if (askedAtMs >= resetsAtMs) expect(answer, 'asked after the reset').toMatchObject({ allowed: true });
      else if (Date.now() < resetsAtMs) expect(answer, 'asked before it').toMatchObject({ allowed: false });
      over = askedAtMs >= resetsAtMs;
      if (!over)
        await waitFor(() => Date.now() >= Math.min(askedAtMs + 200, resetsAtMs), { what: 'time to pass' });
    }
    await sendEvents(system.ingest, [event(CHEAP, { endUser: identity, costUsd: 2, at: startedAt })]);
    const rolled = await check(system.enforcer, { end_user: endUser, channel: 'cli' });
    expect(rolled.allowed).toBe(true);
    expect(spentBy(rolled, identity)).toBe(0);
    expect(Date.parse(rolled.budgets[0]?.period_start ?? '')).toBeGreaterThanOrEqual(resetsAtMs);
  },
);

systemTest.concurrent(
  'allows everything, and says so, with CHECK off',
  async ({ system, stores, onTestFinished }) => {
    const env = { LLM_PROXY_BUDGET_CHECK_ENABLED: 'false' };
    const lenient = await start('enforcer', { stores, env });
    onTestFinished(async () => void (await lenient.stop()));
    const endUser = customer();
    await sendEvents(system.ingest, [event(CHEAP, { endUser, costUsd: 5 })]);
    const answer = await check(lenient, { end_user: endUser });
    expect(answer).toMatchObject({ allowed: true, enforced: false, reason: null, error: null });
    expect(spentBy(answer, endUser)).toBe(5);
    expect((await check(system.enforcer, { end_user: endUser })).allowed).toBe(false);
  },
);

systemTest('leaves the ledger, the counters and Redis equal after all that', async ({ system, stores }) => {
  await expect.poll(async () => system.topic.lag(), { timeout: 20_000 }).toBe(0);
  await expectEqualSums(stores, PERIODS);
  const refused = (await rejectedIds(stores)).filter((id) => id !== null);
  expect(new Set(refused).size).toBe(refused.length);
});

systemTest(
  'keeps content and tokens out of every table, of Redis, of Kafka and of every log',
  async ({ system, stores }) => {
    const endUser = customer();
    const text = JSON.stringify(event(CHEAP, { endUser, costUsd: 0.001 }));
    // What is cut off, holds NaN, or is refused goes other ways than a good event does.
    for (const service of [system.ingest, system.kafkaIngest]) {
      await sendText(service, `[${text}, ${text.replace('"total_tokens"', '"x":NaN,"total_tokens"')}]`);
      await expect(sendText(service, `{"messages": "${SECRET}`)).rejects.toThrow('400');
    }
    await system.topic.produce([
      `{"cut off": "${SECRET}`,
      JSON.stringify({ schemaVersion: 9, event: JSON.parse(text) }),
    ]);
    await expect.poll(async () => system.topic.lag(), { timeout: 20_000 }).toBe(0);
    const { name, deadLetters, produced } = system.topic;
    const parked = await system.topic.readAll(deadLetters);
    const messages = [...(await system.topic.readAll(name)), ...parked];
    const ours = messages
      .filter(({ value }) => !produced.has(value))
      .map(({ key, value }) => `${key} ${value}`);

    expect(parked.length, 'dead letters').toBeGreaterThan(0);
    expect(await tablesWith(stores, endUser), 'the search itself').toContain('spendgate.rejected_events');
    expect(await redisKeysWith(stores, endUser), 'the search itself').not.toEqual([]);
    expect(
      ours.filter((message) => message.includes(endUser)),
      'the search itself',
    ).not.toEqual([]);
    expect(await tablesWith(stores, SECRET)).toEqual([]);
    expect(await redisKeysWith(stores, SECRET)).toEqual([]);
    expect(ours.filter((message) => message.includes(SECRET))).toEqual([]);
    for (const secret of [SECRET, ...Object.values(TOKENS)]) {
      expect(system.lines.filter((line) => line.includes(secret))).toEqual([]);
    }
  },
);
