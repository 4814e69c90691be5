import { parseDuration } from './duration.ts';
import type { Duration } from './duration.ts';
import { invariant } from './errors.ts';
import { isCalendarLength, parseResetTime, periodAt } from './period.ts';
import type { Period, PeriodScheme } from './period.ts';
import type { SchemeInForce } from './rules.ts';

/**
 * The period that holds an instant under the scheme in force then: the last of the history whose `from` is at or
 * before it. Equals `periodAt` of that scheme, and remembers a scheme's latest periods, since checks and events
 * ask for the same few again and again; schemes must therefore not be changed in place.
 * @throws InvariantBroken - an empty history, or one that does not begin "since ever"; else as `periodAt`.
 */
export function periodInForce(history: readonly SchemeInForce[], at: Date): Period {
  return rememberedPeriod(schemeInForce(history, at).scheme, at);
}

/**
 * The history after a scheme was asked for. A first one holds since ever. The same scheme changes nothing. Another
 * one is in force from the end of the period open at `now`, so that no period is cut; from `now` itself where that
 * period never ends. A change that is not yet in force is replaced, or withdrawn when the old scheme is asked for
 * again. A duration whose periods do not tile by the calendar gets an anchor: the next reset that LiteLLM's rule
 * gives at the moment the scheme comes into force (for months, the first of that month).
 * @throws InvalidDuration, InvalidTimeZone, InvalidResetTime - as `periodAt`.
 */
export function nextSchemes(of: {
  readonly history: readonly SchemeInForce[] | null;
  readonly scheme: PeriodScheme;
  readonly now: Date;
}): readonly SchemeInForce[] {
  const { history, scheme, now } = of;
  const latest = history?.at(-1);
  if (history === null || latest === undefined) return [{ from: null, scheme: anchored(scheme, now) }];
  if (isSameScheme(latest.scheme, scheme)) return history;
  const begun = history.filter(({ from }) => from === null || from <= now);
  const current = schemeInForce(begun, now).scheme;
  if (isSameScheme(current, scheme)) return begun;
  const from = periodAt(current, now).end ?? now;
  return [...begun, { from, scheme: anchored(scheme, from) }];
}

const REMEMBERED_PERIODS = 8;
const MONTHLY = '1mo';

interface Memory {
  readonly tiles: boolean;
  readonly periods: { readonly startMs: number; readonly endMs: number }[];
}

/** Results only, and they depend on nothing but the scheme: pure as seen from outside. */
const memories = new WeakMap<PeriodScheme, Memory>();

function schemeInForce(history: readonly SchemeInForce[], at: Date): SchemeInForce {
  const found = history.findLast(({ from }) => from === null || from.getTime() <= at.getTime());
  invariant(found !== undefined, 'a history of schemes must begin with one that holds since ever');
  return found;
}

function rememberedPeriod(scheme: PeriodScheme, at: Date): Period {
  if (scheme.duration === null) return periodAt(scheme, at);
  const memory = memoryOf(scheme, scheme.duration);
  const atMs = at.getTime();
  const known = memory.periods.find(({ startMs, endMs }) => startMs <= atMs && atMs < endMs);
  // Dates can be changed in place, so everyone gets their own.
  if (known !== undefined) return { start: new Date(known.startMs), end: new Date(known.endMs) };
  const period = periodAt(scheme, at);
  // Only periods that tile are the same for every instant within them.
  if (memory.tiles && period.start !== null && period.end !== null) {
    memory.periods.unshift({ startMs: period.start.getTime(), endMs: period.end.getTime() });
    memory.periods.length = Math.min(memory.periods.length, REMEMBERED_PERIODS);
  }
  return period;
}

function memoryOf(scheme: PeriodScheme, duration: string): Memory {
  const known = memories.get(scheme);
  if (known !== undefined) return known;
  const tiles = scheme.anchor !== undefined || isCalendarLength(parseDuration(duration));
  const memory: Memory = { tiles, periods: [] };
  memories.set(scheme, memory);
  return memory;
}

/** The scheme, with an anchor if its periods would not tile without one. */
function anchored(scheme: PeriodScheme, moment: Date): PeriodScheme {
  if (scheme.duration === null || scheme.anchor !== undefined) return scheme;
  const duration = parseDuration(scheme.duration);
  if (isCalendarLength(duration)) return scheme;
  const anchor =
    duration.unit === 'mo'
      ? periodAt({ ...scheme, duration: MONTHLY }, moment).start
      : periodAt(scheme, moment).end;
  return anchor === null ? scheme : { ...scheme, anchor };
}

/** Whether a scheme in force is the one asked for. An anchor that was given to it does not tell them apart. */
function isSameScheme(inForce: PeriodScheme, asked: PeriodScheme): boolean {
  if (inForce.duration === null || asked.duration === null) return inForce.duration === asked.duration;
  const duration = parseDuration(asked.duration);
  return (
    isSameDuration(parseDuration(inForce.duration), duration) &&
    (inForce.timezone ?? 'UTC') === (asked.timezone ?? 'UTC') &&
    resetMsOf(inForce) === resetMsOf(asked) &&
    isSameAnchor({ inForce, asked, duration })
  );
}

function isSameDuration(a: Duration, b: Duration): boolean {
  return a.count === b.count && a.unit === b.unit;
}

function resetMsOf(scheme: PeriodScheme): number {
  return parseResetTime(scheme.resetTime ?? '00:00');
}

function isSameAnchor(of: { inForce: PeriodScheme; asked: PeriodScheme; duration: Duration }): boolean {
  const { inForce, asked, duration } = of;
  if (asked.anchor !== undefined) return asked.anchor.getTime() === inForce.anchor?.getTime();
  return inForce.anchor === undefined || !isCalendarLength(duration);
}
