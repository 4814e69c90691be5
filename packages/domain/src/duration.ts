import { InvalidDuration } from './errors.ts';
import { quoted } from './quoted.ts';

const UNITS = ['s', 'm', 'h', 'd', 'w', 'mo'] as const;
export type DurationUnit = (typeof UNITS)[number];

/** A budget duration: `count` is a whole number of at least 1. */
export interface Duration {
  readonly count: number;
  readonly unit: DurationUnit;
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const UNIT_MS = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS, w: 7 * DAY_MS } as const;
const WORDS: Readonly<Record<string, string>> = { hourly: '1h', daily: '24h', weekly: '7d', monthly: '30d' };
/** The longest that each unit can be; it bounds what a longer one could overflow: about a thousand years. */
const MAX_DAYS = 365_250;
const MAX_MONTHS = 12_000;

/**
 * Reads `<int>(s|m|h|d|w|mo)`, or one of LiteLLM's words, trimmed, in any case: hourly (1h), daily (24h), weekly
 * (7d), monthly (30d). Unlike LiteLLM's parser it takes no prefix for the whole (`1d12h`) and no zero.
 * @throws InvalidDuration - quotes the text; also for more than about a thousand years.
 */
export function parseDuration(text: unknown): Duration {
  if (typeof text !== 'string') throw new InvalidDuration(`Not a duration: ${quoted(text)}`);
  const word = text.trim().toLowerCase();
  const match = /^(\d+)(s|mo|m|h|d|w)$/.exec(Object.hasOwn(WORDS, word) ? (WORDS[word] ?? '') : text);
  const unit = UNITS.find((known) => known === match?.[2]);
  if (match === null || unit === undefined) {
    throw new InvalidDuration(`Not a duration such as 30s, 5m, 1h, 7d, 2w or 1mo: ${quoted(text)}`);
  }
  const count = Number(match[1]);
  if (count === 0) throw new InvalidDuration(`A duration of zero never lets a period run: ${quoted(text)}`);
  if (isTooLong({ count, unit })) {
    throw new InvalidDuration(`A duration of more than a thousand years: ${quoted(text)}`);
  }
  return { count, unit };
}

/** A length in milliseconds by the clock, a day being 24 hours; months have none and are counted apart. */
export function lengthMs({ count, unit }: { count: number; unit: Exclude<DurationUnit, 'mo'> }): number {
  return count * UNIT_MS[unit];
}

function isTooLong({ count, unit }: Duration): boolean {
  return unit === 'mo' ? count > MAX_MONTHS : lengthMs({ count, unit }) > MAX_DAYS * DAY_MS;
}
