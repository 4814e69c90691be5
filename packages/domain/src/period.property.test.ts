import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { periodAt } from './period.ts';
import type { Period, PeriodScheme } from './period.ts';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'America/Havana',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Pacific/Apia',
  'Africa/Casablanca',
  'Antarctica/Casey',
];
const CALENDAR = [
  '1s',
  '30s',
  '1m',
  '5m',
  '20m',
  '60m',
  '1h',
  '2h',
  '6h',
  '8h',
  '24h',
  '1d',
  '7d',
  '1w',
  '30d',
  '1mo',
  '2mo',
  '6mo',
  '12mo',
];
const OTHER = ['7s', '45s', '90s', '45m', '120m', '5h', '30h', '48h', '2d', '14d', '90d', '2w'];
const ANCHORED = [...CALENDAR, ...OTHER, '5mo', '7mo', '18mo'];

/** Instants at which clocks change somewhere in the list, for chance would hardly meet them. */
const CHANGES = [
  '2011-12-30T10:00Z',
  '2018-11-04T03:00Z',
  '2026-03-08T05:00Z',
  '2026-03-08T07:00Z',
  '2026-03-29T01:00Z',
  '2026-10-03T15:30Z',
  '2026-04-04T15:00Z',
  '2026-10-25T01:00Z',
  '2026-11-01T06:00Z',
  '2018-03-10T17:00Z',
].map((text) => Date.parse(text));

const anyInstantMs = fc.oneof(
  fc.integer({ min: Date.parse('1990-01-01Z'), max: Date.parse('2060-01-01Z') }),
  fc
    .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -93_600_000, max: 93_600_000 }))
    .map(([a, b]) => a + b),
  fc.tuple(fc.constantFrom(...CHANGES), fc.constantFrom(-1, 0, 1, 900_000, 3_600_000)).map(([a, b]) => a + b),
);
const resetTime = fc.constantFrom('00:00', '02:30', '12:00', '23:59:59');
const calendarScheme: fc.Arbitrary<PeriodScheme> = fc.record({
  duration: fc.constantFrom(...CALENDAR),
  timezone: fc.constantFrom(...ZONES),
  resetTime,
});
const anchoredScheme: fc.Arbitrary<PeriodScheme> = fc.record({
  duration: fc.constantFrom(...ANCHORED),
  timezone: fc.constantFrom(...ZONES),
  resetTime,
  anchor: anyInstantMs.map((ms) => new Date(ms)),
});
const tilingScheme = fc.oneof(calendarScheme, anchoredScheme);
const otherScheme: fc.Arbitrary<PeriodScheme> = fc.record({
  duration: fc.constantFrom(...OTHER),
  timezone: fc.constantFrom(...ZONES),
  resetTime,
});

function spanOf(period: Period): readonly [number, number] {
  return [period.start?.getTime() ?? Number.NaN, period.end?.getTime() ?? Number.NaN];
}

describe('periodAt for any scheme and instant', () => {
  it('holds the instant: start <= at < end', () => {
    fc.assert(
      fc.property(fc.oneof(tilingScheme, otherScheme), anyInstantMs, (scheme, atMs) => {
        const [start, end] = spanOf(periodAt(scheme, new Date(atMs)));
        expect(start).toBeLessThanOrEqual(atMs);
        expect(end).toBeGreaterThan(atMs);
      }),
      { numRuns: 400 },
    );
  });

  it('tiles: a period begins where the one before it ends, and every instant within it gives it', () => {
    fc.assert(
      fc.property(
        tilingScheme,
        anyInstantMs,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (scheme, atMs, part) => {
          const span = spanOf(periodAt(scheme, new Date(atMs)));
          const [start, end] = span;
          const within = Math.min(end - 1, Math.floor(start + (end - start) * part));
          expect(spanOf(periodAt(scheme, new Date(end)))[0]).toBe(end);
          expect(spanOf(periodAt(scheme, new Date(start - 1)))[1]).toBe(start);
          expect(spanOf(periodAt(scheme, new Date(within)))).toEqual(span);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('has a boundary at the anchor', () => {
    fc.assert(
      fc.property(anchoredScheme, (scheme) => {
        expect(periodAt(scheme, scheme.anchor ?? new Date(0)).start).toEqual(scheme.anchor);
      }),
      { numRuns: 300 },
    );
  });

  it('runs seconds, minutes and hours from an anchor in elapsed time, whatever clocks do', () => {
    const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 };
    fc.assert(
      fc.property(
        fc.constantFrom('s' as const, 'm' as const, 'h' as const),
        fc.integer({ min: 1, max: 5_000 }),
        fc.constantFrom(...ZONES),
        anyInstantMs,
        anyInstantMs,
        (unit, count, timezone, anchorMs, atMs) => {
          const scheme = { duration: `${count}${unit}`, timezone, anchor: new Date(anchorMs) };
          const [start, end] = spanOf(periodAt(scheme, new Date(atMs)));
          expect(end - start).toBe(count * unitMs[unit]);
          expect(Math.abs((start - anchorMs) % (end - start))).toBe(0);
        },
      ),
    );
  });

  it('shows the reset time on the clock at every boundary of days, weeks and months that clocks do not skip', () => {
    const clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      timeStyle: 'medium',
      hourCycle: 'h23',
    });
    fc.assert(
      fc.property(
        fc.constantFrom('1d', '7d', '1w', '30d', '1mo', '3mo'),
        fc.constantFrom('00:00:00', '04:30:00', '23:59:59'),
        anyInstantMs,
        (duration, time, atMs) => {
          const { end } = periodAt({ duration, timezone: 'Europe/Berlin', resetTime: time }, new Date(atMs));
          expect(clock.format(end ?? undefined)).toBe(time);
        },
      ),
    );
  });
});
