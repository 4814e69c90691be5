import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidAmount } from './errors.ts';
import { formatUsd, nanoToUsd, usdToNano } from './money.ts';

/** Moves the decimal point nine places in the text, and rounds by looking at the next digit. */
function modelNano(text: string): bigint {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text) ?? [];
  const point = whole.length + Number(exponent) + 9;
  const digits = (whole + fraction).padEnd(point, '0');
  const kept = point > 0 ? digits.slice(0, point) : '0';
  const next = point >= 0 ? (digits[point] ?? '0') : '0';
  const magnitude = BigInt(kept) + (next >= '5' ? 1n : 0n);
  return sign === '-' ? -magnitude : magnitude;
}

describe('usdToNano', () => {
  it.each([
    [0.1, 100_000_000n],
    [1.3350000000000001e-5, 13_350n],
    [5.5e-4, 550_000n],
    [1e-9, 1n],
    [5e-10, 1n],
    [-5e-10, -1n],
    [4.9999e-10, 0n],
    [1.5e-9, 2n],
    [-1.5e-9, -2n],
    [2.5e-9, 3n],
    [1.0000000005, 1_000_000_001n],
    [-1.0000000005, -1_000_000_001n],
    [10_000_000.123456789, 10_000_000_123_456_790n],
    [1e21, 10n ** 30n],
    [-0, 0n],
    [5e-324, 0n],
    ['10000000000.000000001', 10_000_000_000_000_000_001n],
    ['1e3', 1_000_000_000_000n],
    ['+1.5E-3', 1_500_000n],
    ['.5', 500_000_000n],
    ['5.', 5_000_000_000n],
    ['-0.0000000005', -1n],
    ['0e99999999999999999999', 0n],
    ['1e-99999999999999999999', 0n],
  ])('counts %s USD as %s nano-USD', (usd, nano) => {
    expect(usdToNano(usd)).toBe(nano);
  });

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    '',
    ' ',
    ' 1',
    '1 ',
    'NaN',
    'Infinity',
    '-Infinity',
    '0x10',
    '1_000',
    '1,5',
    '.',
    '-',
    'e5',
    '1e',
    '1e99999',
    '١',
    '1'.repeat(1_001),
  ])('refuses %j', (usd) => {
    expect(() => usdToNano(usd)).toThrow(InvalidAmount);
  });

  it('rounds the shortest decimal text of any number as the decimal point says', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (usd) => {
        expect(usdToNano(usd)).toBe(modelNano(String(usd === 0 ? 0 : usd)));
      }),
    );
  });

  it('is odd: the sign changes nothing else', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (usd) => {
        expect(usdToNano(-usd)).toBe(-usdToNano(usd));
      }),
    );
  });
});

describe('formatUsd', () => {
  it.each([
    [0n, '0'],
    [1n, '0.000000001'],
    [-1n, '-0.000000001'],
    [12_500_000_000n, '12.5'],
    [100_000_000_000n, '100'],
    [10_000_000_000_000_000_000_001n, '10000000000000.000000001'],
  ])('writes %s nano-USD as %s', (nano, text) => {
    expect(formatUsd(nano)).toBe(text);
  });

  it('is read back to the same amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (nano) => {
        expect(usdToNano(formatUsd(nano))).toBe(nano);
      }),
    );
  });
});

describe('nanoToUsd', () => {
  it('gives back a dollar amount of up to nine decimals as it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(10 ** 15), max: 10 ** 15 }), (nano) => {
        const usd = nano / 1e9;
        expect(nanoToUsd(usdToNano(usd))).toBe(nanoToUsd(BigInt(nano)));
        expect(usdToNano(nanoToUsd(BigInt(nano)))).toBe(BigInt(nano));
      }),
    );
  });

  it('is exact at ten million dollars', () => {
    expect(nanoToUsd(10_000_000_000_000_000n)).toBe(10_000_000);
  });
});
