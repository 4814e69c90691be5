import { restamp, sampleEvent, sampleEvents } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import { createEventReader } from './read-event.ts';

const receivedAt = new Date('2026-11-22T12:00:00Z');
const reader = createEventReader({ metadataKeys: [], maxEventCostUsd: 10_000 });
const plain = sampleEvent('event-success-plain-cheap');

/** The event read from the plain sample with these changes. */
function read(changes: Record<string, unknown> = {}) {
  const reading = reader.read({ ...plain, ...changes }, receivedAt);
  if (!reading.ok) throw new Error(reading.detail);
  return reading.event;
}

function problem(changes: Record<string, unknown>): string {
  const reading = reader.read({ ...plain, ...changes }, receivedAt);
  return reading.ok ? 'none' : reading.detail;
}

describe('reading events', () => {
  it.each(sampleEvents().map(({ name, payload }) => [name, payload]))('takes %s', (_name, payload) => {
    expect(reader.read(payload, receivedAt)).toMatchObject({
      ok: true,
      event: { id: payload.id, endUser: payload.end_user, unpriced: false, clockAhead: false },
    });
  });

  it('says who, what, when and how much', () => {
    const payload = sampleEvent('event-success-premium-identity-with-key-alias');
    expect(reader.read(payload, receivedAt)).toMatchObject({
      event: {
        endUser: 'john@company.com_codemie_premium_models',
        keyHash: '0b40ed3227424b8dcb86b7adeceaa67abd866cdaf5c73d0d2a50c55667746c0f',
        keyAlias: 'svc-key',
        userId: 'svc',
        teamId: null,
        modelGroup: 'claude-opus-4',
        model: 'anthropic/claude-opus-4-5',
        provider: 'anthropic',
        costNanoUsd: 545_000n,
        promptTokens: 9,
        completionTokens: 20,
        userAgent: 'Python-urllib/3.11',
        startedAt: new Date(1_795_329_496_296),
      },
    });
  });

  it.each([
    ['event-failure-rate-limit', 'failure', false],
    ['event-success-cache-hit', 'success', true],
  ])('records %s at no cost', (name, status, cacheHit) => {
    const reading = reader.read({ ...sampleEvent(name), response_cost: 3 }, receivedAt);
    expect(reading).toMatchObject({ event: { costNanoUsd: 0n, unpriced: false, status, cacheHit } });
  });

  it.each([
    ['null', { response_cost: null }],
    ['absent', { response_cost: undefined }],
    ['not finite', { response_cost: Infinity }],
    ['negative', { response_cost: -0.5 }],
    [
      '0 after a failed calculation',
      { response_cost: 0, response_cost_failure_debug_info: { error_str: 'x' } },
    ],
    ['0 for want of a rate', { response_cost: 0, zero_cost_diagnostic: { reason: 'missing_pricing_key' } }],
  ])('counts a success as unpriced when its cost is %s', (_what, changes) => {
    expect(read(changes)).toMatchObject({ unpriced: true, costNanoUsd: 0n });
    expect(read({ ...changes, cache_hit: true })).toMatchObject({ unpriced: false });
    expect(read({ ...changes, status: 'failure' })).toMatchObject({ unpriced: false });
  });

  it('takes a cost of 0 without a diagnostic for free, and one above 0 for known', () => {
    expect(read({ response_cost: 0 })).toMatchObject({ unpriced: false });
    expect(read({ response_cost: 1, zero_cost_diagnostic: { reason: 'missing_pricing_key' } })).toMatchObject(
      {
        unpriced: false,
        costNanoUsd: 1_000_000_000n,
      },
    );
  });

  it.each([null, '', '  ', '-'])('takes %j for no customer', (endUser) => {
    const metadata = { ...toRecord(plain.metadata), user_api_key_end_user_id: null };
    expect(read({ end_user: endUser, metadata }).endUser).toBeNull();
  });

  it('takes up to five minutes ahead as they are, and more for the time of receipt', () => {
    const at = (ms: number) => ({ startTime: (receivedAt.getTime() + ms) / 1_000 });
    expect(read(at(300_000))).toMatchObject({
      clockAhead: false,
      startedAt: new Date(receivedAt.getTime() + 300_000),
    });
    expect(read(at(301_000))).toMatchObject({ clockAhead: true, startedAt: receivedAt });
    expect(read(at(301_000)).fingerprint).not.toBe(read(at(302_000)).fingerprint);
  });

  it.each([
    [
      'a start far in the future',
      { startTime: receivedAt.getTime() / 1_000 + 91 * 86_400 },
      'startTime: more than 90',
    ],
    ['a start in milliseconds', { startTime: receivedAt.getTime() }, 'startTime:'],
    ['a start in 1970', { startTime: 0 }, 'startTime:'],
    ['a start as text', { startTime: '2026-11-22' }, 'startTime:'],
    ['no start', { startTime: undefined }, 'startTime:'],
    ['a start that is not finite', { startTime: Infinity }, 'startTime:'],
    ['no id', { id: undefined }, 'id:'],
    ['a blank id', { id: ' ' }, 'id: blank'],
    ['a number as id', { id: 7 }, 'id:'],
    ['NUL in the id', { id: 'a\0' }, 'id: NUL or half'],
    ['half a character in the customer', { end_user: 'x\uD83D' }, 'end_user: NUL or half'],
    ['NUL in a tag', { request_tags: ['\0'] }, 'request_tags.0: NUL or half'],
    ['an object as customer', { end_user: {} }, 'end_user:'],
    ['a customer beyond what counters hold', { end_user: 'x'.repeat(513) }, 'end_user:'],
    ['a cost as text', { response_cost: '0.5' }, 'response_cost:'],
    ['a cost beyond all bounds', { response_cost: 10_001 }, 'response_cost:'],
    ['an unknown status', { status: 'pending' }, 'status:'],
    ['half a token', { prompt_tokens: 1.5 }, 'prompt_tokens:'],
    ['negative tokens', { completion_tokens: -1 }, 'completion_tokens:'],
    ['text as cache hit', { cache_hit: 'True' }, 'cache_hit:'],
  ])('refuses %s', (_what, changes, detail) => {
    expect(problem(changes)).toContain(detail);
  });

  it('never quotes what was sent in a problem', () => {
    const secret = 'TOP-SECRET';
    for (const field of [
      'status',
      'response_cost',
      'startTime',
      'cache_hit',
      'prompt_tokens',
      'request_tags',
    ]) {
      expect(problem({ [field]: secret })).not.toContain(secret);
    }
    expect(problem({ end_user: `${secret}\0` })).not.toContain(secret);
  });

  it('keeps a storable projection of what it refuses', () => {
    const reading = reader.read({ ...plain, id: 'a\0b', messages: [{ content: 'secret' }] }, receivedAt);
    expect(reading).toMatchObject({ ok: false, eventId: 'a\uFFFDb', projection: { id: 'a\uFFFDb' } });
    expect(JSON.stringify(reading)).not.toContain('secret');
  });

  it.each([[null], ['text'], [[1]], [undefined]])('refuses %j, which is no object', (payload) => {
    expect(reader.read(payload, receivedAt)).toMatchObject({ ok: false, eventId: null, projection: null });
  });

  it('gives an event the same fingerprint by whichever way it comes', () => {
    const reading = reader.read(plain, receivedAt);
    const overKafka: unknown = JSON.parse(JSON.stringify(reading.projection));
    expect(reader.read(overKafka, new Date(receivedAt.getTime() + 60_000))).toEqual(reading);
  });

  it('tells another start, cost or customer by the fingerprint', () => {
    const events = [
      {},
      { startTime: 1_795_328_800.3 },
      { response_cost: 0.5 },
      { end_user: 'someone@else.com' },
      { model: 'other' },
    ].map((changes) => read(changes).fingerprint);
    expect(new Set(events).size).toBe(4);
    expect(events[4]).toBe(events[0]);
  });

  it('refuses an element with NaN, keeping what else it said', () => {
    const payload = restamp(plain, { id: 'nan-1' });
    const parsed = { ok: false, reason: 'invalid', detail: 'holds NaN', payload, text: '{}' } as const;
    expect(reader.readParsed(parsed, receivedAt)).toMatchObject({
      ok: false,
      eventId: 'nan-1',
      reason: 'invalid',
      detail: 'holds NaN',
      projection: { id: 'nan-1' },
    });
  });
});

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
