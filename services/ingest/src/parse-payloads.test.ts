import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENTS_MAX, parsePayloads } from './parse-payloads.ts';

/** Of texts with few elements. */
function parse(text: string) {
  const parsed = parsePayloads(text);
  if (parsed === 'too_many') throw new Error('few were expected');
  return parsed;
}

const good = (payload: unknown) => ({ ok: true, payload });

describe('parsePayloads', () => {
  it.each([
    ['an array', '[{"id":"a"},{"id":"b"}]', [{ id: 'a' }, { id: 'b' }]],
    ['one object', ' {"id":"a"}\n', [{ id: 'a' }]],
    ['an array printed over lines', '[\n  {"id":"a"}\n]', [{ id: 'a' }]],
    ['NDJSON', '{"id":"a"}\n\n{"id":"b"}\r\n', [{ id: 'a' }, { id: 'b' }]],
    ['objects printed over lines', '{\n"id":"a"\n}\n{\n"id":"b"\n}', [{ id: 'a' }, { id: 'b' }]],
    ['an empty array', '[]', []],
    ['JSON that is no event', '42', [42]],
  ])('reads %s', (_what, text, payloads) => {
    expect(parsePayloads(text)).toEqual(payloads.map(good));
  });

  it.each(['', '   ', 'hello', '<html>', '{"id":', '[{"id":', 'NaN and more', ']]]', '{]'])(
    'refuses what is no JSON at all: %s',
    (text) => {
      expect(parsePayloads(text)).toBeUndefined();
    },
  );

  it.each(['NaN', 'Infinity', '-Infinity'])('keeps the rest of a batch with %s in one event', (token) => {
    const text = `[{"id":"a"}, {"id":"b","response_cost":${token},"end_user":"NaN, -Infinity"}, {"id":"c"}]`;
    expect(parsePayloads(text)).toEqual([
      good({ id: 'a' }),
      {
        ok: false,
        reason: 'invalid',
        detail: expect.stringContaining('NaN'),
        payload: { id: 'b', response_cost: null, end_user: 'NaN, -Infinity' },
        text: expect.stringContaining('"id":"b"'),
      },
      good({ id: 'c' }),
    ]);
  });

  it.each([
    ['an array', (count: number) => `[${'1,'.repeat(count - 1)}1]`],
    ['an array with NaN', (count: number) => `[${'1,'.repeat(count - 1)}NaN]`],
    ['NDJSON', (count: number) => '{"id":"a"}\n'.repeat(count)],
    ['objects one after another', (count: number) => '{"id":NaN}'.repeat(count)],
  ])('takes as many events as it may, and no more, in %s', (_what, bodyOf) => {
    expect(parsePayloads(bodyOf(EVENTS_MAX))).toHaveLength(EVENTS_MAX);
    expect(parsePayloads(bodyOf(EVENTS_MAX + 1))).toBe('too_many');
  });

  it.each([
    ['numbers', `[${'1,'.repeat(16_000_000)}1]`],
    ['numbers that are no JSON', `[${'1,'.repeat(16_000_000)}NaN]`],
    ['commas', `[${','.repeat(32_000_000)}]`],
    ['lines', '{}\n'.repeat(11_000_000)],
    ['objects', '{}'.repeat(16_000_000)],
    ['objects behind blank lines', `{}${'\n'.repeat(32_000_000)}{}`],
  ])('refuses 32 MB of %s without working through them', (_what, text) => {
    const startMs = performance.now();
    expect(parsePayloads(text)).toBe('too_many');
    expect(performance.now() - startMs).toBeLessThan(2_500);
  });

  it('keeps the lines around a broken one', () => {
    const parsed = parse('{"id":"a"}\n{"id":"b\n{"id":"c","n":NaN}\n{"id":"d"}');
    expect(parsed?.map(({ ok, payload }) => [ok, payload])).toEqual([
      [true, { id: 'a' }],
      [false, undefined],
      [false, { id: 'c', n: null }],
      [true, { id: 'd' }],
    ]);
  });

  it('reads one object with NaN over several lines', () => {
    expect(parsePayloads('{\n"id": "a",\n"cost": NaN\n}')).toMatchObject([
      { ok: false, payload: { id: 'a', cost: null } },
    ]);
  });

  it('reads objects over several lines of which one is JSON by itself', () => {
    const event = { id: 'a', request_tags: ['first', 'last'] };
    const printed = JSON.stringify(event, null, 2);
    expect(parsePayloads(`${printed}\n${printed}`)).toEqual([good(event), good(event)]);
    expect(parsePayloads(printed.replace('"id": "a"', '"id": "a", "cost": NaN'))).toMatchObject([
      { ok: false, payload: { ...event, cost: null } },
    ]);
  });

  it('is not misled by brackets, commas, quotes and escapes within strings', () => {
    const payload = { text: 'a "quoted", [bracket] {brace} \\ \\\\" NaN', list: ['},{', '\\'] };
    const text = `[${JSON.stringify(payload)}, {"n": NaN}, ${JSON.stringify(payload)}]`;
    expect(parse(text)?.map((element) => element.payload)).toEqual([payload, { n: null }, payload]);
  });

  it('gives every element of an array its place, whichever are broken', () => {
    // Without escapes in names, which Node 24's JSON.parse mistakes for others; the test above has them in values.
    const json = (maxDepth: number) => fc.json({ maxDepth }).filter((text) => !text.includes('\\'));
    const element = fc.oneof(
      json(3).map((text) => ({ text: `{"value":${text}}`, ok: true })),
      json(2).map((text) => ({ text: `{"value":[${text},NaN]}`, ok: false })),
    );
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 8 }), (elements) => {
        const parsed = parse(`[${elements.map(({ text }) => text).join(' , ')}]`);
        expect(parsed?.map(({ ok }) => ok)).toEqual(elements.map(({ ok }) => ok));
        expect(parsed?.map(({ payload }) => payload)).toEqual(
          elements.map(
            ({ text, ok }) => JSON.parse(ok ? text : text.replace(/NaN\]\}$/, 'null]}')) as unknown,
          ),
        );
      }),
    );
  });
});
