import { InvalidAmount } from './errors.ts';
import { quoted } from './quoted.ts';

/** Money: integer nano-USD (one USD is 1,000,000,000). Float dollars exist only at the edges. */
export type NanoUsd = bigint;

const NANO_DIGITS = 9;
const NANO_PER_USD = 1_000_000_000n;
/** Longer texts and greater powers of ten are refused, so that no text can make the arithmetic slow. */
const MAX_TEXT_LENGTH = 1_000;
const MAX_POWER_OF_TEN = 1_000;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/**
 * Dollars to nano-USD, rounded to the nearest, half away from zero. A number counts as its shortest decimal
 * text (0.1 is exactly 0.1), a text must be a plain decimal: optional sign, digits, fraction, exponent.
 * @throws InvalidAmount - NaN, an infinity, or a text that is no such decimal (blank, hex, with spaces).
 */
export function usdToNano(usd: number | string): NanoUsd {
  const text = typeof usd === 'number' ? String(usd) : usd;
  const match = text.length > MAX_TEXT_LENGTH ? null : DECIMAL.exec(text);
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (match === null || whole + fraction === '')
    throw new InvalidAmount(`Not an amount of USD: ${quoted(text)}`);
  const power = Number(match[4] ?? '0') - fraction.length + NANO_DIGITS;
  const magnitude = scaled(BigInt(whole + fraction), power, text);
  return match[1] === '-' ? -magnitude : magnitude;
}

/** The double closest to the amount, in dollars. Exact to the nano-USD up to about $9 million. */
export function nanoToUsd(nano: NanoUsd): number {
  return Number(formatUsd(nano));
}

/** Dollars as a plain decimal: all digits, no exponent, no trailing zeros (`12.5`, `-0.000000001`, `0`). */
export function formatUsd(nano: NanoUsd): string {
  const magnitude = nano < 0n ? -nano : nano;
  const sign = nano < 0n ? '-' : '';
  const whole = (magnitude / NANO_PER_USD).toString();
  const fraction = (magnitude % NANO_PER_USD).toString().padStart(NANO_DIGITS, '0').replace(/0+$/, '');
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** `digits` × 10^`power`, rounded half up. */
function scaled(digits: bigint, power: number, text: string): bigint {
  if (digits === 0n) return 0n;
  if (power > MAX_POWER_OF_TEN) throw new InvalidAmount(`Too large an amount of USD: ${quoted(text)}`);
  if (power >= 0) return digits * 10n ** BigInt(power);
  // Beyond the text's own length every digit lies below a tenth of a nano-USD.
  if (-power > MAX_TEXT_LENGTH) return 0n;
  const divisor = 10n ** BigInt(-power);
  return (digits * 2n + divisor) / (divisor * 2n);
}
