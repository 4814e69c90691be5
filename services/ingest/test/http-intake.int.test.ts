import { gzipSync } from 'node:zlib';
import { restamp, sampleBatches, sampleEvent, storesTest, waitFor } from '@spendgate/testkit';
import { describe, expect } from 'vitest';
import { z } from 'zod';
import { ledgerSums, publish, spentBySubject, startIngest, answerSchema } from './started-ingest.ts';
import { gated } from './tcp-gate.ts';

const plain = sampleEvent('event-success-plain-cheap');
const fresh = (changes: Parameters<typeof restamp>[1] = {}) =>
  restamp(plain, { startedAt: new Date(), ...changes });

describe('HTTP intake', () => {
  storesTest('counts every captured event of a real LiteLLM once', async ({ database, redisUrl, redis }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    const payloads = sampleBatches().flatMap((batch) => batch.payloads);
    const ids = new Set(payloads.map(({ id }) => id));
    const costs = payloads.map(({ response_cost: cost }) => Math.round(Number(cost) * 1e9));
    const first = await ingest.post(payloads);
    expect(first).toEqual({
      accepted: ids.size,
      duplicates: payloads.length - ids.size,
      rejected: 0,
      rejections: [],
    });
    const sum = BigInt(costs.reduce((total, cost) => total + cost, 0));
    expect(await ledgerSums(database)).toEqual({ rows: ids.size, cost: sum });
    expect((await spentBySubject(database))['global:proxy']).toBe(sum);
    expect(await ingest.post(payloads)).toMatchObject({ accepted: 0, duplicates: payloads.length });
    expect(await ledgerSums(database)).toEqual({ rows: ids.size, cost: sum });
    const keys = await redis.keys('sg:{b0}:e*:customer:john@company.com');
    expect(keys).toHaveLength(1);
  });

  storesTest(
    'takes gzip, NDJSON and a single object, whatever they are called',
    async ({ database, redisUrl }) => {
      await publish(database.url);
      const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
      const bodies = [
        { body: JSON.stringify(fresh()), headers: {} },
        { body: [fresh(), fresh()].map((event) => JSON.stringify(event)).join('\n'), headers: {} },
        { body: JSON.stringify([fresh()]), headers: { 'content-type': 'text/plain' } },
        { body: gzipSync(JSON.stringify([fresh(), fresh()])), headers: { 'content-encoding': 'gzip' } },
        { body: Buffer.from(JSON.stringify([fresh()])), headers: { 'content-type': '' } },
      ];
      const accepted: number[] = [];
      for (const { body, headers } of bodies) {
        const response = await ingest.send(body, headers);
        expect(response.status).toBe(200);
        accepted.push(answerSchema.parse(await response.json()).accepted);
      }
      expect(accepted).toEqual([1, 2, 1, 2, 1]);
    },
  );

  storesTest('parks bad events and records those beside them', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    const bad = [
      fresh({ id: 'nul\u0000' }),
      { ...fresh({ id: 'half' }), end_user: 'x\uD83D' },
      { ...fresh({ id: 'typed' }), response_cost: '1' },
      fresh({ id: 'future', startedAt: new Date(Date.now() + 400 * 86_400_000) }),
      'no object',
    ];
    const text = JSON.stringify([fresh(), ...bad, fresh()]);
    const withNaN = text.replace(
      /\]$/u,
      `,${JSON.stringify(fresh({ id: 'nan', costUsd: 7 })).replace('"response_cost":7', '"response_cost":NaN')}]`,
    );
    const response = await ingest.send(withNaN);
    const answer = answerSchema.parse(await response.json());
    expect(answer).toMatchObject({ accepted: 2, duplicates: 0, rejected: 6 });
    expect(answer.rejections.map(({ index, id }) => [index, id])).toEqual([
      [1, 'nul\uFFFD'],
      [2, 'half'],
      [3, 'typed'],
      [4, 'future'],
      [5, null],
      [7, 'nan'],
    ]);
    const { rows } = await database.pool.query('SELECT event_id FROM spendgate.rejected_events');
    expect(rows).toHaveLength(6);
    await ingest.send(withNaN);
    const again = await database.pool.query('SELECT event_id FROM spendgate.rejected_events');
    expect(again.rows).toHaveLength(6);
    expect((await ledgerSums(database)).rows).toBe(2);
  });

  storesTest('parks an id that comes again with another cost', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    const event = fresh({ id: 'same', costUsd: 1 });
    expect(await ingest.post([event])).toMatchObject({ accepted: 1 });
    expect(await ingest.post([event, { ...event, response_cost: 2 }])).toEqual({
      accepted: 0,
      duplicates: 1,
      rejected: 1,
      rejections: [{ index: 1, id: 'same', reason: 'id_conflict' }],
    });
    expect(await ledgerSums(database)).toEqual({ rows: 1, cost: 1_000_000_000n });
    const listed = await ingest.call('GET', '/v1/rejected-events?state=open');
    expect(listed.body).toMatchObject({
      items: [{ event_id: 'same', reason: 'id_conflict', source: 'http' }],
    });
  });

  storesTest(
    'refuses bodies that hold no events, and senders it does not know',
    async ({ database, redisUrl }) => {
      await publish(database.url);
      const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
      const statuses = await Promise.all([
        ingest.send('hello'),
        ingest.send(''),
        ingest.send(gzipSync(Buffer.alloc(33 * 1_024 * 1_024, ' ')), { 'content-encoding': 'gzip' }),
        ingest.send('x', { 'content-encoding': 'gzip' }),
        ingest.send('[]', { authorization: 'Bearer wrong' }),
        ingest.send('[]', { authorization: `Bearer read-token-1` }),
        ingest.send('[]'),
      ]);
      expect(statuses.map(({ status }) => status)).toEqual([400, 400, 413, 400, 401, 403, 200]);
    },
  );

  storesTest('coalesces concurrent batches and counts each event once', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    const batches = Array.from({ length: 60 }, (_, batch) =>
      Array.from({ length: 10 }, (__, index) =>
        fresh({
          id: `event-${(batch * 7 + index) % 300}`,
          startedAt: new Date(1_795_340_000_000),
          endUser: `user-${((batch * 7 + index) % 300) % 11}`,
          costUsd: 0.25,
        }),
      ),
    );
    const answers = await Promise.all(batches.map((batch) => ingest.post(batch)));
    const accepted = answers.reduce((sum, answer) => sum + answer.accepted, 0);
    const duplicates = answers.reduce((sum, answer) => sum + answer.duplicates, 0);
    expect([accepted + duplicates, answers.some(({ rejected }) => rejected > 0)]).toEqual([600, false]);
    const distinct = new Set(batches.flat().map(({ id }) => id)).size;
    expect(accepted).toBe(distinct);
    const cost = BigInt(distinct) * 250_000_000n;
    expect(await ledgerSums(database)).toEqual({ rows: distinct, cost });
    const spent = await spentBySubject(database);
    expect(spent['global:proxy']).toBe(cost);
    const customers = Object.entries(spent).filter(([subject]) => subject.startsWith('customer:'));
    expect(customers.reduce((sum, [, amount]) => sum + amount, 0n)).toBe(cost);
  });

  storesTest(
    'answers 503 while PostgreSQL is away, and takes the same batch once afterwards',
    async ({ database, redisUrl }) => {
      await publish(database.url);
      const { url, gate } = await gated(database.url, 5_432);
      const ingest = await startIngest(
        { databaseUrl: url, redisUrl },
        { env: { LEDGER_DEADLINE_MS: '500' } },
      );
      const events = [fresh(), fresh()];
      gate.shut();
      const refused = await ingest.send(JSON.stringify(events));
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
      const ready = await fetch(`${ingest.url}/readyz`);
      expect(ready.status).toBe(503);
      gate.open();
      await waitFor(async () => (await ingest.send(JSON.stringify(events))).status === 200, {
        what: 'the batch to be taken',
        timeoutMs: 20_000,
      });
      expect((await ledgerSums(database)).rows).toBe(2);
    },
  );

  storesTest('rides out a short absence of PostgreSQL within the request', async ({ database, redisUrl }) => {
    await publish(database.url);
    const { url, gate } = await gated(database.url, 5_432);
    const ingest = await startIngest(
      { databaseUrl: url, redisUrl },
      { env: { LEDGER_DEADLINE_MS: '20000' } },
    );
    gate.shut();
    const answer = ingest.post([fresh()]);
    await waitFor(async () => (await fetch(`${ingest.url}/readyz`)).status === 503, {
      what: 'the ledger to be missed',
      timeoutMs: 10_000,
    });
    gate.open();
    expect((await answer).accepted).toBe(1);
  });

  storesTest('goes on counting without Redis and owes it the pushes', async ({ database, redisUrl }) => {
    await publish(database.url);
    const { url, gate } = await gated(redisUrl, 6_379);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl: url });
    gate.shut();
    expect((await ingest.post([fresh()])).accepted).toBe(1);
    expect((await fetch(`${ingest.url}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`${ingest.url}/metrics`)).text();
    expect(metrics).toMatch(/spendgate_pushes_failed_total\{[^}]*\} [1-9]/u);
  });

  storesTest('is not ready and takes nothing before rules are published', async ({ database, redisUrl }) => {
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    const refused = await ingest.send(JSON.stringify([fresh()]));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await fetch(`${ingest.url}/readyz`)).status).toBe(503);
    await publish(database.url);
    await waitFor(async () => (await fetch(`${ingest.url}/readyz`)).status === 200, {
      what: 'readiness',
      timeoutMs: 10_000,
    });
    expect((await ingest.post([fresh()])).accepted).toBe(1);
  });

  storesTest('attributes by new rules as soon as they are published', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    expect((await ingest.post([fresh({ endUser: 'a@b.c' })])).accepted).toBe(1);
    await publish(database.url);
    expect((await ingest.post([fresh({ endUser: 'a@b.c' })])).accepted).toBe(1);
    expect((await ledgerSums(database)).rows).toBe(2);
  });

  storesTest(
    'is not ready when its own settings contradict the published ones',
    async ({ database, redisUrl }) => {
      await publish(database.url);
      const env = { LITELLM_PREMIUM_MODELS_ALIASES: 'opus' };
      const ingest = await startIngest({ databaseUrl: database.url, redisUrl }, { env });
      const ready = await fetch(`${ingest.url}/readyz`);
      expect([ready.status, await ready.text()]).toEqual([
        503,
        expect.stringContaining('LITELLM_PREMIUM_MODELS_ALIASES'),
      ]);
    },
  );

  storesTest('answers what it took before it stops', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    const answers = Array.from({ length: 20 }, () => ingest.send(JSON.stringify([fresh(), fresh()])));
    const accepted = Promise.all(
      answers.map(async (answer) => {
        const response = await answer.catch(() => undefined);
        return response?.status === 200 ? answerSchema.parse(await response.json()).accepted : 0;
      }),
    );
    await ingest.stop();
    const taken = (await accepted).reduce((sum, count) => sum + count, 0);
    expect((await ledgerSums(database)).rows).toBeGreaterThanOrEqual(taken);
  });

  storesTest('keeps content out of every table and answer', async ({ database, redisUrl }) => {
    await publish(database.url);
    const env = { METADATA_KEYS: 'project' };
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl }, { env });
    const secret = 'SECRET-CONTENT';
    const spy = {
      ...fresh(),
      messages: secret,
      response: secret,
      error_str: secret,
      metadata: {
        ...z.record(z.string(), z.unknown()).parse(plain['metadata']),
        requester_metadata: { project: 'p1', other: secret },
        user_api_key_hash: 'sk-SECRET-CONTENT',
      },
    };
    await ingest.post([spy, { ...spy, id: 'bad', status: 'odd' }]);
    const { rows } = await database.pool.query(
      'SELECT row_to_json(e) AS row FROM spendgate.spend_events e UNION ALL SELECT row_to_json(r) FROM spendgate.rejected_events r',
    );
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(JSON.stringify(rows)).toContain('p1');
  });
});
