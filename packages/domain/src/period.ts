import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, lengthMs, parseDuration } from './duration.ts';
import type { Duration, DurationUnit } from './duration.ts';
import { InvalidDuration, InvalidResetTime, invariant } from './errors.ts';
import { elapsedGrid, monthGrid, spanAt, wallGrid, withOrigin } from './period-grid.ts';
import type { Grid, Span } from './period-grid.ts';
import { quoted } from './quoted.ts';
import { findChangeAfter, findChangeUntil, offsetMs, parseTimeZone, toInstant, toWall } from './time-zone.ts';

/** How a budget's periods run. `duration` null never resets; `timezone` is IANA, default UTC. */
export interface PeriodScheme {
  readonly duration: string | null;
  readonly timezone?: string;
  /** Local "HH:MM[:SS]", for d, w and mo only; default 00:00. */
  readonly resetTime?: string;
  /** A boundary from which periods tile in both directions. */
  readonly anchor?: Date;
}

/** Half-open [start, end); both null for the period that never ends. */
export interface Period {
  readonly start: Date | null;
  readonly end: Date | null;
}

/** The id of the period that never ends. */
export const NO_PERIOD_ID = 'none';
/** The period that never ends. */
export const NO_PERIOD: Period = { start: null, end: null };
/** Instants and anchors beyond are our own mistake; the margin holds the longest duration twice. */
const MAX_INSTANT_MS = 8_500_000_000_000_000;
/** The first Monday since 1970. */
const MONDAY_MS = 4 * DAY_MS;

/**
 * The period that holds an instant: `start <= at < end`, and `end` is the next reset. LiteLLM 1.106's calendar
 * rules (duration_parser.py), in the scheme's zone, with the overflow of 48 h and more corrected:
 *
 * - 1d from reset time to reset time; 7d and 1w from Monday; 30d and 1mo from the first of the month; Nmo with N
 *   dividing 12 from January. h dividing 24 at marks of the wall clock, m and s dividing 60 within the hour and
 *   the minute. These tile: `periodAt(s, p.end).start` equals `p.end`.
 * - A day on which clocks change is shorter or longer, and so is the hour period that spans the change. A boundary
 *   at a time that clocks skip is later by the jump; of two equal times the first counts. m and s that clocks
 *   would put off their marks (half-hour changes) end at the change and begin anew.
 * - With an anchor: boundaries at the anchor and every duration from it, both ways. h, m and s in elapsed time, d, w
 *   and mo on the wall clock at the anchor's time of day (`resetTime` does not apply then), a day that a month
 *   lacks clamped from the anchor's day. These tile too.
 * - Other lengths without an anchor do not tile in LiteLLM, for its rule starts again at each reset: Nd and Nw end N
 *   days after today's reset time, Nh on a grid from today's midnight, Nm from the current hour, Ns from the
 *   current minute, each the first mark after `at`. We give that end, and as start the mark at or before `at`.
 *   Two instants may so have periods that overlap: `nextSchemes` therefore gives such schemes an anchor.
 * - Nmo with N not dividing 12 has no LiteLLM rule, and needs an anchor.
 *
 * @throws InvalidDuration, InvalidTimeZone, InvalidResetTime - quote the text; InvalidDuration also for months
 * that need an anchor and have none. InvariantBroken - an invalid date.
 */
export function periodAt(scheme: PeriodScheme, at: Date): Period {
  const atMs = at.getTime();
  invariant(Math.abs(atMs) <= MAX_INSTANT_MS, 'periodAt was asked for an invalid date');
  const zone = parseTimeZone(scheme.timezone ?? 'UTC');
  const resetMs = parseResetTime(scheme.resetTime ?? '00:00');
  if (scheme.duration === null) return NO_PERIOD;
  const duration = parseDuration(scheme.duration);
  const span =
    scheme.anchor === undefined
      ? CALENDAR_RULES[duration.unit].span({ duration, zone, resetMs, atMs })
      : spanAt(anchoredGrid({ duration, zone, anchorMs: scheme.anchor.getTime() }), atMs);
  return { start: new Date(span.startMs), end: new Date(span.endMs) };
}

/** The period as counters name it: `none` for the one that never ends, else `startMs-endMs`. */
export function periodId(period: Period): string {
  const { start, end } = period;
  return start === null || end === null ? NO_PERIOD_ID : `${start.getTime()}-${end.getTime()}`;
}

/** Whether the calendar alone makes a duration's periods tile, so that it needs no anchor. */
export function isCalendarLength({ count, unit }: Duration): boolean {
  return CALENDAR_RULES[unit].isWhole(count);
}

/** A time of day "HH:MM[:SS]" as milliseconds since midnight. @throws InvalidResetTime - quotes the text. */
export function parseResetTime(text: unknown): number {
  const match = typeof text === 'string' ? /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text) : null;
  if (match === null)
    throw new InvalidResetTime(`Not a reset time such as "12:00" or "12:00:30": ${quoted(text)}`);
  return Number(match[1]) * HOUR_MS + Number(match[2]) * MINUTE_MS + Number(match[3] ?? '0') * SECOND_MS;
}

interface CalendarQuestion {
  readonly duration: Duration;
  readonly zone: string;
  readonly resetMs: number;
  readonly atMs: number;
}

/** How each unit's periods lie in the calendar, and which counts of it tile there. */
const CALENDAR_RULES: Readonly<
  Record<DurationUnit, { isWhole(count: number): boolean; span(of: CalendarQuestion): Span }>
> = {
  s: {
    isWhole: (count) => 60 % count === 0,
    span: (of) => shortSpan({ ...of, stepMs: of.duration.count * SECOND_MS, withinMs: MINUTE_MS }),
  },
  m: {
    isWhole: (count) => 60 % count === 0,
    span: (of) => shortSpan({ ...of, stepMs: of.duration.count * MINUTE_MS, withinMs: HOUR_MS }),
  },
  h: { isWhole: (count) => 24 % count === 0, span: hourSpan },
  d: {
    isWhole: (count) => count === 1 || count === 7 || count === 30,
    span: (of) => daySpan(of, of.duration.count),
  },
  w: { isWhole: (count) => count === 1, span: (of) => daySpan(of, of.duration.count * 7) },
  mo: { isWhole: (count) => 12 % count === 0, span: (of) => monthSpan(of, of.duration.count) },
};

function anchoredGrid(of: {
  readonly duration: Duration;
  readonly zone: string;
  readonly anchorMs: number;
}): Grid {
  const { duration, zone, anchorMs } = of;
  const { count, unit } = duration;
  invariant(Math.abs(anchorMs) <= MAX_INSTANT_MS, 'a scheme has an invalid date as its anchor');
  const origin = toWall(zone, anchorMs);
  if (unit === 'mo') return withOrigin(monthGrid({ zone, origin, months: count }), anchorMs);
  const stepMs = lengthMs({ count, unit });
  if (unit === 'd' || unit === 'w') return withOrigin(wallGrid({ zone, origin, stepMs }), anchorMs);
  return elapsedGrid({ originMs: anchorMs, stepMs });
}

/** Minutes and seconds: a grid of elapsed time from the start of the current hour or minute. */
function shortSpan(of: CalendarQuestion & { readonly stepMs: number; readonly withinMs: number }): Span {
  const { zone, atMs, stepMs } = of;
  const intoMs = positiveRemainder(atMs + offsetMs(zone, atMs), of.withinMs);
  const startMs = atMs - (intoMs % stepMs);
  const span = { startMs, endMs: startMs + stepMs };
  return isCalendarLength(of.duration) ? cutAtClockChange(span, of) : span;
}

/**
 * Ends a span of minutes or seconds where clocks change by less than its length fits into; after an ordinary
 * change of whole hours the marks lie where they lay and nothing is cut.
 */
function cutAtClockChange(span: Span, { zone, atMs }: CalendarQuestion): Span {
  const offset = offsetMs(zone, atMs);
  const before = offsetMs(zone, span.startMs) === offset ? undefined : findChangeUntil(zone, atMs);
  const after = offsetMs(zone, span.endMs - 1) === offset ? undefined : findChangeAfter(zone, atMs);
  return {
    startMs: Math.max(span.startMs, before ?? span.startMs),
    endMs: Math.min(span.endMs, after ?? span.endMs),
  };
}

function hourSpan(of: CalendarQuestion): Span {
  const { zone, atMs } = of;
  const wall = toWall(zone, atMs);
  const origin = isCalendarLength(of.duration) ? 0 : wall - positiveRemainder(wall, DAY_MS);
  return spanAt(wallGrid({ zone, origin, stepMs: of.duration.count * HOUR_MS }), atMs);
}

function daySpan(of: CalendarQuestion, days: number): Span {
  const { zone, resetMs, atMs } = of;
  if (days === 30) return monthSpan(of, 1);
  if (days === 7) return spanAt(wallGrid({ zone, origin: MONDAY_MS + resetMs, stepMs: 7 * DAY_MS }), atMs);
  const today = spanAt(wallGrid({ zone, origin: resetMs, stepMs: DAY_MS }), atMs);
  if (days === 1) return today;
  const wall = toWall(zone, atMs);
  const midnight = wall - positiveRemainder(wall, DAY_MS);
  return { startMs: today.startMs, endMs: toInstant(zone, midnight + days * DAY_MS + resetMs) };
}

function monthSpan(of: CalendarQuestion, months: number): Span {
  if (12 % months !== 0) {
    throw new InvalidDuration(`Months that do not divide the year need an anchor: ${quoted(`${months}mo`)}`);
  }
  return spanAt(monthGrid({ zone: of.zone, origin: of.resetMs, months }), of.atMs);
}

function positiveRemainder(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
