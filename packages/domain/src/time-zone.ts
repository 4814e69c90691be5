import { Temporal } from 'temporal-polyfill';
import { InvalidTimeZone } from './errors.ts';
import { quoted } from './quoted.ts';

/**
 * A wall-clock date and time as the milliseconds that UTC would count for it, so that days are always 24
 * hours long and months are reckoned by the calendar alone. Only a zone turns it into an instant.
 */
export type WallMs = number;

const NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;
const knownZones = new Set<string>(['UTC']);

/** Checks the name of an IANA time zone. @throws InvalidTimeZone - quotes the text; also for plain offsets. */
export function parseTimeZone(text: unknown): string {
  if (typeof text !== 'string' || !NAME.test(text))
    throw new InvalidTimeZone(`Not a time zone: ${quoted(text)}`);
  if (knownZones.has(text)) return text;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions();
  } catch (error) {
    throw new InvalidTimeZone(`Not a time zone: ${quoted(text)}`, { cause: error });
  }
  knownZones.add(text);
  return text;
}

/** What clocks in the zone show at an instant. */
export function toWall(zone: string, instantMs: number): WallMs {
  return instantMs + offsetMs(zone, instantMs);
}

/**
 * The instant at which clocks in the zone show this time; the first of two where they are set back. A time that
 * clocks skip is as much later as they jump, so a skipped midnight is the first instant of its day.
 */
export function toInstant(zone: string, wallMs: WallMs): number {
  if (zone === 'UTC') return wallMs;
  return Temporal.Instant.fromEpochMilliseconds(wallMs)
    .toZonedDateTimeISO('UTC')
    .toPlainDateTime()
    .toZonedDateTime(zone, { disambiguation: 'compatible' }).epochMilliseconds;
}

/** How far clocks in the zone are ahead of UTC at an instant. */
export function offsetMs(zone: string, instantMs: number): number {
  return zone === 'UTC' ? 0 : zoned(zone, instantMs).offsetNanoseconds / 1_000_000;
}

/** The last change of the zone's clocks at or before an instant; undefined when there is none. */
export function findChangeUntil(zone: string, instantMs: number): number | undefined {
  return zoned(zone, instantMs + 1).getTimeZoneTransition('previous')?.epochMilliseconds;
}

/** The first change of the zone's clocks after an instant; undefined when there is none. */
export function findChangeAfter(zone: string, instantMs: number): number | undefined {
  return zoned(zone, instantMs).getTimeZoneTransition('next')?.epochMilliseconds;
}

function zoned(zone: string, instantMs: number): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(instantMs).toZonedDateTimeISO(zone);
}
