import { describe, expect, it } from 'vitest';
import { withoutNonFinite } from './split-json.ts';

const MEBIBYTE = 1_024 * 1_024;

describe('withoutNonFinite', () => {
  it.each([
    ['[NaN,-Infinity, Infinity]', '[null,null, null]'],
    ['{"a":NaN,"b":"NaN"}', '{"a":null,"b":"NaN"}'],
    [String.raw`{"a":"\\\"NaN","b":NaN}`, String.raw`{"a":"\\\"NaN","b":null}`],
    [String.raw`{"a":"\\\\","b":NaN}`, String.raw`{"a":"\\\\","b":null}`],
    ['{"a":NaN,"b":"NaN', '{"a":null,"b":"NaN'],
    ['NaNs Infinity_', 'NaNs Infinity_'],
    ['', ''],
  ])('replaces numbers that JSON does not have and leaves strings alone: %s', (text, expected) => {
    expect(withoutNonFinite(text)).toBe(expected);
  });

  it('takes a string as long as a body may be', () => {
    const image = 'x'.repeat(24 * MEBIBYTE);
    expect(withoutNonFinite(`{"a":"${image}","b":NaN}`)).toHaveLength(image.length + 17);
  });

  it('takes time in proportion to its text, also for a string of escapes that never ends', () => {
    const text = `{"b":NaN,"a":"${String.raw`\"`.repeat(4 * MEBIBYTE)}`;
    expect(withoutNonFinite(text)).toHaveLength(text.length + 1);
  });
});
