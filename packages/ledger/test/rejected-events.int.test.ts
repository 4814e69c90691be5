import type { Rejection } from '@spendgate/application';
import { expect } from 'vitest';
import { ledgerTest, NOW } from './ledger-test.ts';

const rejection: Rejection = {
  eventId: 'e1',
  reason: 'invalid',
  detail: 'startTime: not a number',
  projection: { id: 'e1', model: 'gpt-4o', metadata: { a: 1, b: [true, null] } },
  source: 'http',
  sourceOffset: null,
  receivedAt: NOW,
};
const page = { state: null, after: null, limit: 10 };

ledgerTest('a rejection is found as it was parked', async ({ connection }) => {
  await connection.rejected.park([rejection]);
  const [stored] = await connection.rejected.list(page);
  expect(stored).toEqual({ ...rejection, id: stored?.id, state: 'open', changedBy: null, changedAt: null });
  expect(await connection.rejected.find(stored?.id ?? '')).toEqual(stored);
});

ledgerTest(
  'parking the same rejection again adds no row, in whatever order its keys come',
  async ({ connection }) => {
    await connection.rejected.park([rejection, rejection]);
    const turned = { metadata: { b: [true, null], a: 1 }, model: 'gpt-4o', id: 'e1' };
    await connection.rejected.park([
      { ...rejection, projection: turned, source: 'kafka', sourceOffset: 't/0/7' },
    ]);
    expect(await connection.rejected.countOpen()).toBe(1);
    await connection.rejected.park([
      { ...rejection, reason: 'id_conflict' },
      { ...rejection, eventId: 'e2' },
      { ...rejection, projection: { id: 'e1' } },
    ]);
    expect(await connection.rejected.countOpen()).toBe(4);
  },
);

ledgerTest('messages that hold no event are told apart by their offsets', async ({ connection }) => {
  const blank = { ...rejection, eventId: null, projection: null, source: 'kafka' as const };
  const offsets = ['t/0/1', 't/0/2', 't/0/1'];
  await connection.rejected.park(offsets.map((sourceOffset) => ({ ...blank, sourceOffset })));
  expect(await connection.rejected.countOpen()).toBe(2);
});

ledgerTest('what has no id is told apart by its identity, and found again by it', async ({ connection }) => {
  const nameless = { ...rejection, eventId: null, projection: null };
  const later = new Date(NOW.getTime() + 5_000);
  await connection.rejected.park([
    { ...nameless, identity: 'digest-1' },
    { ...nameless, identity: 'digest-2' },
    { ...nameless, identity: 'digest-1' },
  ]);
  await connection.rejected.park([{ ...nameless, identity: 'digest-2', receivedAt: later }]);
  expect(await connection.rejected.countOpen()).toBe(2);
  const projected = { ...rejection, eventId: null };
  await connection.rejected.park([
    { ...projected, identity: 'digest-1' },
    { ...projected, identity: 'digest-2' },
  ]);
  expect(await connection.rejected.countOpen()).toBe(4);
});

ledgerTest('one that was dismissed and comes again is open again', async ({ connection }) => {
  await connection.rejected.park([rejection, { ...rejection, eventId: 'e2' }]);
  const [second, first] = await connection.rejected.list(page);
  await connection.rejected.update({ id: first?.id ?? '', state: 'dismissed', by: 'ops' });
  await connection.rejected.update({ id: second?.id ?? '', state: 'replayed', by: 'ops' });
  await connection.rejected.park([rejection, rejection, { ...rejection, eventId: 'e2' }]);
  const states = (await connection.rejected.list(page)).map(({ eventId, state }) => [eventId, state]);
  expect(states).toEqual([
    ['e2', 'replayed'],
    ['e1', 'open'],
  ]);
});

ledgerTest('one that was replayed is final', async ({ connection }) => {
  await connection.rejected.park([rejection]);
  const [stored] = await connection.rejected.list(page);
  const id = stored?.id ?? '';
  await connection.rejected.update({ id, state: 'replayed', by: 'ops' });
  expect(await connection.rejected.update({ id, state: 'open', by: 'eve' })).toBeUndefined();
  expect(await connection.rejected.update({ id, projection: { id: 'x' }, by: 'eve' })).toBeUndefined();
  expect(await connection.rejected.find(id)).toMatchObject({
    state: 'replayed',
    changedBy: 'ops',
    projection: rejection.projection,
  });
});

ledgerTest('counts open ones up to a bound', async ({ connection, database }) => {
  await database.pool
    .query(`INSERT INTO spendgate.rejected_events (digest, reason, detail, source, received_at)
    SELECT sha256(n::text::bytea), 'invalid', '', 'http', now() FROM generate_series(1, 100050) AS n`);
  expect(await connection.rejected.countOpen()).toBe(100_000);
});

ledgerTest('parks what PostgreSQL could not hold, with replacement characters', async ({ connection }) => {
  await connection.rejected.park([
    { ...rejection, eventId: 'a\0\uD800', projection: { 'k\0': 'v\uDC00\\u0000 "☃"' } },
  ]);
  const [stored] = await connection.rejected.list(page);
  expect(stored).toMatchObject({ eventId: 'a\uFFFD\uFFFD', projection: { 'k\uFFFD': 'v\uFFFD\\u0000 "☃"' } });
});

ledgerTest('lists newest first, by state, page by page', async ({ connection }) => {
  await connection.rejected.park(['1', '2', '3'].map((eventId) => ({ ...rejection, eventId })));
  const all = await connection.rejected.list(page);
  const [newest, middle] = all;
  await connection.rejected.update({ id: middle?.id ?? '', state: 'dismissed', by: 'ops' });
  const open = await connection.rejected.list({ ...page, state: 'open', limit: 1 });
  expect(open).toEqual([newest]);
  const rest = await connection.rejected.list({ ...page, state: 'open', after: newest?.id ?? null });
  expect(rest).toEqual([all[2]]);
  expect(await connection.rejected.list({ ...page, after: 'no id' })).toEqual([]);
});

ledgerTest('a correction keeps who made it', async ({ connection }) => {
  await connection.rejected.park([rejection]);
  const [stored] = await connection.rejected.list(page);
  const id = stored?.id ?? '';
  const fixed = await connection.rejected.update({ id, projection: { id: 'e1', startTime: 5 }, by: 'ops' });
  expect(fixed).toMatchObject({ projection: { id: 'e1', startTime: 5 }, state: 'open', changedBy: 'ops' });
  expect(fixed?.changedAt).toBeInstanceOf(Date);
  expect(await connection.rejected.update({ id: '999', state: 'replayed', by: 'ops' })).toBeUndefined();
  expect(await connection.rejected.find('x')).toBeUndefined();
});
