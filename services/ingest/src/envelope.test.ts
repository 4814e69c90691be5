import { sampleEvent } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import { readRecord, toEventRecord, toRejectionRecord } from './envelope.ts';
import { createEventReader } from './read-event.ts';

const receivedAt = new Date('2026-11-22T12:00:00Z');
const reader = createEventReader({ metadataKeys: [], maxEventCostUsd: 10_000 });
const payload = sampleEvent('event-success-plain-premium');
const readText = (value: unknown) => readRecord(reader, Buffer.from(JSON.stringify(value)), receivedAt);

describe('records of the event topic', () => {
  it('give back the event that was put there', () => {
    const reading = reader.read(payload, receivedAt);
    if (!reading.ok) throw new Error(reading.detail);
    expect(readRecord(reader, Buffer.from(toEventRecord(reading.projection)), receivedAt)).toEqual([reading]);
  });

  it('give back what intake refused', () => {
    const reading = reader.read({ ...payload, status: 'pending' }, receivedAt);
    if (reading.ok) throw new Error('expected a refusal');
    expect(readRecord(reader, Buffer.from(toRejectionRecord(reading)), receivedAt)).toEqual([reading]);
  });

  it('tell what intake refused without an id apart, and nothing of it', () => {
    const refused = ['secret one', 'secret two', 'secret one'].map((sent) => reader.read(sent, receivedAt));
    const records = refused.map((reading) => (reading.ok ? '' : toRejectionRecord(reading)));
    expect(records.join('')).not.toContain('secret');
    const read = records.flatMap((record) => readRecord(reader, Buffer.from(record), receivedAt));
    expect(read).toEqual(refused.map((reading) => ({ ...reading, detail: expect.any(String) })));
    const identities = read.map((reading) => (reading.ok ? null : reading.identity));
    expect(identities[0]).toMatch(/^[0-9a-f]{64}$/u);
    expect(identities[2]).toBe(identities[0]);
    expect(identities[1]).not.toBe(identities[0]);
  });

  it('take the bare payload of another producer, and a list of them', () => {
    expect(readText(payload)).toMatchObject([{ ok: true, event: { id: payload['id'] } }]);
    expect(readText([payload, { id: 1 }])).toMatchObject([{ ok: true }, { ok: false }]);
  });

  it('take a whole payload in an envelope, and ignore unknown fields', () => {
    const reading = readText({ schemaVersion: 1, event: payload, later: true });
    expect(reading).toMatchObject([{ ok: true, event: { id: payload['id'] } }]);
    expect(JSON.stringify(reading, bigintAsText)).not.toContain('mocked');
  });

  it('refuse another schema version, keeping the projection', () => {
    expect(readText({ schemaVersion: 2, event: payload })).toMatchObject([
      { ok: false, reason: 'invalid', eventId: payload['id'], projection: { id: payload['id'] } },
    ]);
  });

  it('let no content of a foreign rejection pass', () => {
    const rejection = { reason: 'x', detail: 'd\0', projection: { ...payload, status: 'pending' } };
    const [reading] = readText({ schemaVersion: 1, rejection });
    expect(reading).toMatchObject({ ok: false, reason: 'invalid', detail: 'd\uFFFD' });
    expect(JSON.stringify(reading)).not.toContain('mocked');
  });

  it.each([
    ['nothing', null],
    ['no JSON', Buffer.from('hello')],
    ['binary', Buffer.from([0, 255, 1])],
  ])('are refused when they hold %s', (_what, value) => {
    expect(readRecord(reader, value, receivedAt)).toMatchObject([
      { ok: false, reason: 'not_json', projection: null },
    ]);
  });
});

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
