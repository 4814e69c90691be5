import { restamp, sampleEvent, storesTest } from '@spendgate/testkit';
import { describe, expect } from 'vitest';
import { z } from 'zod';
import { ledgerSums, publish, spentBySubject, startIngest, TOKENS } from './started-ingest.ts';

const plain = sampleEvent('event-success-plain-cheap');
const fresh = (changes: Parameters<typeof restamp>[1] = {}) =>
  restamp(plain, { startedAt: new Date(), ...changes });

const listSchema = z.object({
  items: z.array(z.object({ id: z.string() })),
  next_cursor: z.string().nullable(),
});

describe('rejected events', () => {
  storesTest('can be listed, repaired and replayed', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    await ingest.post([{ ...fresh({ id: 'broken' }), response_cost: 'a lot' }]);
    const listed = await ingest.call('GET', '/v1/rejected-events?state=open');
    expect(listed.body).toMatchObject({
      items: [{ event_id: 'broken', reason: 'invalid', problem: expect.stringContaining('response_cost') }],
    });
    const id = listSchema.parse(listed.body).items[0]?.id ?? '';
    expect((await ingest.call('POST', `/v1/rejected-events/${id}/replay`)).status).toBe(409);
    const repaired = await ingest.call('PATCH', `/v1/rejected-events/${id}`, {
      projection: { response_cost: 0.5 },
    });
    expect(repaired).toMatchObject({
      status: 200,
      body: { problem: null, changed_by: 'ops', state: 'open' },
    });
    const replayed = await ingest.call('POST', `/v1/rejected-events/${id}/replay`);
    expect(replayed).toMatchObject({
      status: 200,
      body: { outcome: 'recorded', rejected: { state: 'replayed' } },
    });
    const again = await ingest.call('POST', `/v1/rejected-events/${id}/replay`);
    expect(again).toMatchObject({ status: 200, body: { outcome: 'duplicate' } });
    expect(await ledgerSums(database)).toEqual({ rows: 1, cost: 500_000_000n });
    const late = await ingest.call('PATCH', `/v1/rejected-events/${id}`, { state: 'dismissed' });
    expect(late.status).toBe(409);
  });

  storesTest('can be dismissed and opened again', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    await ingest.post([{ ...fresh(), status: 'odd' }, 'nothing']);
    const { items } = listSchema.parse((await ingest.call('GET', '/v1/rejected-events')).body);
    expect(items).toHaveLength(2);
    const path = `/v1/rejected-events/${items[0]?.id}`;
    expect((await ingest.call('PATCH', path, { state: 'dismissed' })).status).toBe(200);
    expect((await ingest.call('POST', `${path}/replay`)).status).toBe(409);
    expect((await ingest.call('PATCH', path, { state: 'open' })).status).toBe(200);
    const page = listSchema.parse((await ingest.call('GET', '/v1/rejected-events?limit=1')).body);
    const next = await ingest.call('GET', `/v1/rejected-events?limit=1&cursor=${page.next_cursor}`);
    expect(listSchema.parse(next.body).items).toEqual([expect.objectContaining({ id: items[1]?.id })]);
  });

  storesTest('stay as they are once a replay came first', async ({ database, redisUrl }) => {
    await publish(database.url);
    let replayNow = async (_id: string): Promise<void> => undefined;
    const ingest = await startIngest(
      { databaseUrl: database.url, redisUrl },
      {
        wrap: (ports) => ({
          ...ports,
          rejected: {
            ...ports.rejected,
            find: async (id) => {
              const found = await ports.rejected.find(id);
              await replayNow(id);
              return found;
            },
          },
        }),
      },
    );
    await ingest.post([{ ...fresh({ id: 'raced' }), status: 'odd' }]);
    const { items } = listSchema.parse((await ingest.call('GET', '/v1/rejected-events')).body);
    replayNow = async (id) => {
      await database.pool.query(`UPDATE spendgate.rejected_events SET state = 'replayed' WHERE id = $1`, [
        id,
      ]);
    };
    const path = `/v1/rejected-events/${items[0]?.id}`;
    expect((await ingest.call('PATCH', path, { state: 'open' })).status).toBe(409);
    expect((await ingest.call('PATCH', path, { projection: { end_user: 'eve' } })).status).toBe(409);
  });

  storesTest(
    'are listed from a cursor that we gave out, and from no other',
    async ({ database, redisUrl }) => {
      await publish(database.url);
      const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
      for (const cursor of ['x', '-1', '1e3', '9'.repeat(19)]) {
        expect((await ingest.call('GET', `/v1/rejected-events?cursor=${cursor}`)).status).toBe(400);
      }
      expect((await ingest.call('GET', '/v1/rejected-events?cursor=9')).status).toBe(200);
    },
  );

  storesTest(
    'are told apart without ids, and found again when they come again',
    async ({ database, redisUrl }) => {
      await publish(database.url);
      const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
      const bodies = ['["one", {"id": 5}, {}, 7', '["two", {"id": 6}, {"messages": "secret"}'];
      for (const body of [...bodies, ...bodies]) expect((await ingest.send(body)).status).toBe(200);
      const { items } = listSchema.parse((await ingest.call('GET', '/v1/rejected-events')).body);
      expect(items).toHaveLength(7);
      const path = `/v1/rejected-events/${items[0]?.id}`;
      await ingest.call('PATCH', path, { state: 'dismissed' });
      await ingest.send(bodies[1] ?? '');
      const open = await ingest.call('GET', '/v1/rejected-events?state=open');
      expect(listSchema.parse(open.body).items).toHaveLength(7);
    },
  );

  storesTest('are changed by admins only, in known fields only', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    expect(
      (await ingest.call('PATCH', '/v1/rejected-events/1', { projection: { messages: 'x' } })).status,
    ).toBe(400);
    expect((await ingest.call('PATCH', '/v1/rejected-events/1', {})).status).toBe(400);
    expect((await ingest.call('PATCH', '/v1/rejected-events/1', { state: 'open' })).status).toBe(404);
    const asReader = await fetch(`${ingest.url}/v1/rejected-events/1/replay`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKENS.read}` },
    });
    expect(asReader.status).toBe(403);
  });
});

describe('unpriced events', () => {
  storesTest('are listed, priced once and counted in their period', async ({ database, redisUrl }) => {
    await publish(database.url);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl });
    const id = 'un/priced 1';
    const event = { ...fresh({ id, endUser: 'john@company.com' }), response_cost: null };
    expect(await ingest.post([event])).toMatchObject({ accepted: 1 });
    expect((await ingest.call('GET', '/v1/unpriced')).body).toMatchObject({
      items: [{ id, identity: 'john@company.com', cost_usd: null }],
    });
    const path = `/v1/events/${encodeURIComponent(id)}/price`;
    const priced = await ingest.call('POST', path, { cost_usd: 0.25, note: 'by hand' });
    expect(priced).toMatchObject({ status: 200, body: { id, cost_usd: 0.25 } });
    expect(await ingest.call('POST', path, { cost_usd: 0.25 })).toEqual(priced);
    expect(await ingest.call('POST', path, { cost_usd: 0.5 })).toMatchObject({
      status: 409,
      body: { error: { message: 'This event is already priced at 0.25 USD.' } },
    });
    expect((await spentBySubject(database))['customer:john@company.com']).toBe(250_000_000n);
    expect((await ingest.call('GET', '/v1/unpriced')).body).toMatchObject({ items: [] });
    expect((await ingest.call('POST', '/v1/events/none/price', { cost_usd: 1 })).status).toBe(404);
    expect((await ingest.call('POST', path, { cost_usd: -1 })).status).toBe(400);
  });
});
