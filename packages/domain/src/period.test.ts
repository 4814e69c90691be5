import { describe, expect, it } from 'vitest';
import { InvalidDuration, InvalidResetTime, InvalidTimeZone, InvariantBroken } from './errors.ts';
import { periodAt, periodId } from './period.ts';
import type { PeriodScheme } from './period.ts';

function at(text: string): Date {
  return new Date(text);
}

/** The period as texts, in minutes where it has no seconds. */
function shown(scheme: PeriodScheme, instant: string): readonly (string | undefined)[] {
  const { start, end } = periodAt(scheme, at(instant));
  return [start, end].map((date) => date?.toISOString().replace(/(:\d\d)(?::00)?\.000Z$/, '$1Z'));
}

const BERLIN = 'Europe/Berlin';
const NEW_YORK = 'America/New_York';

describe('periodAt by the calendar', () => {
  it.each([
    ['1d', '2026-11-22T00:00Z', '2026-11-22T00:00Z', '2026-11-23T00:00Z'],
    ['1d', '2026-11-21T23:59:59.999Z', '2026-11-21T00:00Z', '2026-11-22T00:00Z'],
    ['7d', '2026-11-22T12:00Z', '2026-11-16T00:00Z', '2026-11-23T00:00Z'],
    ['1w', '2026-11-23T00:00Z', '2026-11-23T00:00Z', '2026-11-30T00:00Z'],
    ['30d', '2026-01-31T12:00Z', '2026-01-01T00:00Z', '2026-02-01T00:00Z'],
    ['1mo', '2026-12-01T00:00Z', '2026-12-01T00:00Z', '2027-01-01T00:00Z'],
    ['30d', '2028-02-29T23:00Z', '2028-02-01T00:00Z', '2028-03-01T00:00Z'],
    ['2mo', '2026-04-10T00:00Z', '2026-03-01T00:00Z', '2026-05-01T00:00Z'],
    ['3mo', '2026-11-22T00:00Z', '2026-10-01T00:00Z', '2027-01-01T00:00Z'],
    ['12mo', '2026-11-22T00:00Z', '2026-01-01T00:00Z', '2027-01-01T00:00Z'],
    ['1h', '2026-11-22T06:38Z', '2026-11-22T06:00Z', '2026-11-22T07:00Z'],
    ['6h', '2026-11-22T18:00Z', '2026-11-22T18:00Z', '2026-11-23T00:00Z'],
    ['24h', '2026-11-22T06:38Z', '2026-11-22T00:00Z', '2026-11-23T00:00Z'],
    ['5m', '2026-11-22T06:38Z', '2026-11-22T06:35Z', '2026-11-22T06:40Z'],
    ['60m', '2026-11-22T06:38Z', '2026-11-22T06:00Z', '2026-11-22T07:00Z'],
    ['30s', '2026-11-22T06:38:59.9Z', '2026-11-22T06:38:30Z', '2026-11-22T06:39Z'],
    ['Hourly', '2026-11-22T06:38Z', '2026-11-22T06:00Z', '2026-11-22T07:00Z'],
    [' DAILY ', '2026-11-22T06:38Z', '2026-11-22T00:00Z', '2026-11-23T00:00Z'],
    ['weekly', '2026-11-22T06:38Z', '2026-11-16T00:00Z', '2026-11-23T00:00Z'],
    ['monthly\n', '2026-11-22T06:38Z', '2026-11-01T00:00Z', '2026-12-01T00:00Z'],
    ['1d', '1969-12-31T23:00Z', '1969-12-31T00:00Z', '1970-01-01T00:00Z'],
    ['30d', '1969-12-31T23:00Z', '1969-12-01T00:00Z', '1970-01-01T00:00Z'],
  ])('puts %j at %s into [%s, %s)', (duration, instant, start, end) => {
    expect(shown({ duration }, instant)).toEqual([start, end]);
  });

  it.each([
    ['1d', '12:00', '2026-11-22T11:59:59Z', '2026-11-21T12:00Z', '2026-11-22T12:00Z'],
    ['1d', '12:00', '2026-11-22T12:00Z', '2026-11-22T12:00Z', '2026-11-23T12:00Z'],
    ['7d', '09:30:15', '2026-11-23T09:30:14Z', '2026-11-16T09:30:15Z', '2026-11-23T09:30:15Z'],
    ['30d', '12:00', '2026-11-01T11:00Z', '2026-10-01T12:00Z', '2026-11-01T12:00Z'],
    ['3mo', '12:00', '2026-10-01T11:00Z', '2026-07-01T12:00Z', '2026-10-01T12:00Z'],
    ['1h', '12:30', '2026-11-22T12:40Z', '2026-11-22T12:00Z', '2026-11-22T13:00Z'],
    ['daily', '12:00', '2026-11-22T06:38Z', '2026-11-22T00:00Z', '2026-11-23T00:00Z'],
  ])('begins %s at reset time %s where that applies (%s)', (duration, resetTime, instant, start, end) => {
    expect(shown({ duration, resetTime }, instant)).toEqual([start, end]);
  });

  it.each([
    ['1d shorter in spring', '1d', BERLIN, '2026-03-29T10:00Z', '2026-03-28T23:00Z', '2026-03-29T22:00Z'],
    ['1d longer in autumn', '1d', BERLIN, '2026-10-25T10:00Z', '2026-10-24T22:00Z', '2026-10-25T23:00Z'],
    ['24h as 1d', '24h', NEW_YORK, '2026-03-08T12:00Z', '2026-03-08T05:00Z', '2026-03-09T04:00Z'],
    ['7d over the change', '7d', BERLIN, '2026-03-29T10:00Z', '2026-03-22T23:00Z', '2026-03-29T22:00Z'],
    ['30d over the change', '30d', BERLIN, '2026-10-30T10:00Z', '2026-09-30T22:00Z', '2026-10-31T23:00Z'],
    ['6h shorter in spring', '6h', BERLIN, '2026-03-29T01:30Z', '2026-03-28T23:00Z', '2026-03-29T04:00Z'],
    ['6h longer in autumn', '6h', BERLIN, '2026-10-25T01:30Z', '2026-10-24T22:00Z', '2026-10-25T05:00Z'],
    ['1h that comes twice', '1h', BERLIN, '2026-10-25T01:30Z', '2026-10-25T00:00Z', '2026-10-25T02:00Z'],
    [
      '1h before the skipped one',
      '1h',
      BERLIN,
      '2026-03-29T00:30Z',
      '2026-03-29T00:00Z',
      '2026-03-29T01:00Z',
    ],
    [
      '15m in the hour that comes twice',
      '15m',
      BERLIN,
      '2026-10-25T01:20Z',
      '2026-10-25T01:15Z',
      '2026-10-25T01:30Z',
    ],
    [
      '1d at a skipped midnight',
      '1d',
      'America/Havana',
      '2026-03-08T12:00Z',
      '2026-03-08T05:00Z',
      '2026-03-09T04:00Z',
    ],
    [
      '1d over a skipped day',
      '1d',
      'Pacific/Apia',
      '2011-12-30T09:59Z',
      '2011-12-29T10:00Z',
      '2011-12-30T10:00Z',
    ],
    [
      '1h in a half-hour zone',
      '1h',
      'Asia/Kolkata',
      '2026-11-22T06:38Z',
      '2026-11-22T06:30Z',
      '2026-11-22T07:30Z',
    ],
    [
      '20m to a half-hour change',
      '20m',
      'Australia/Lord_Howe',
      '2026-10-03T15:29Z',
      '2026-10-03T15:10Z',
      '2026-10-03T15:30Z',
    ],
    [
      '20m from a half-hour change',
      '20m',
      'Australia/Lord_Howe',
      '2026-10-03T15:35Z',
      '2026-10-03T15:30Z',
      '2026-10-03T15:40Z',
    ],
  ])('keeps the wall clock: %s', (_what, duration, timezone, instant, start, end) => {
    expect(shown({ duration, timezone }, instant)).toEqual([start, end]);
  });

  it('puts a reset time that clocks skip off by the jump, and takes the first of two', () => {
    const scheme = { duration: '1d', timezone: BERLIN, resetTime: '02:30' };
    expect(shown(scheme, '2026-03-29T10:00Z')[0]).toBe('2026-03-29T01:30Z');
    expect(shown(scheme, '2026-10-25T10:00Z')[0]).toBe('2026-10-25T00:30Z');
  });
});

describe('periodAt where the calendar does not tile', () => {
  it.each([
    ['5h', '2026-11-22T22:30Z', '2026-11-22T20:00Z', '2026-11-23T01:00Z'],
    ['48h', '2026-11-22T10:30Z', '2026-11-22T00:00Z', '2026-11-24T00:00Z'],
    ['8760h', '2026-11-22T10:30Z', '2026-11-22T00:00Z', '2027-11-22T00:00Z'],
    ['45m', '2026-11-22T10:50Z', '2026-11-22T10:45Z', '2026-11-22T11:30Z'],
    ['90m', '2026-11-22T23:50Z', '2026-11-22T23:00Z', '2026-11-23T00:30Z'],
    ['45s', '2026-11-22T10:50:50Z', '2026-11-22T10:50:45Z', '2026-11-22T10:51:30Z'],
    ['14d', '2026-11-22T06:38Z', '2026-11-22T00:00Z', '2026-12-06T00:00Z'],
    ['2w', '2026-11-22T06:38Z', '2026-11-22T00:00Z', '2026-12-06T00:00Z'],
    ['31d', '2026-11-22T06:38Z', '2026-11-22T00:00Z', '2026-12-23T00:00Z'],
  ])('gives %s at %s the mark at or before it and LiteLLM’s next reset', (duration, instant, start, end) => {
    expect(shown({ duration }, instant)).toEqual([start, end]);
  });

  it('resets days at today’s reset time plus them, even before that time', () => {
    expect(shown({ duration: '14d', resetTime: '12:00' }, '2026-11-22T06:38Z')).toEqual([
      '2026-11-21T12:00Z',
      '2026-12-06T12:00Z',
    ]);
  });

  it('asks for an anchor where months do not divide the year', () => {
    expect(() => periodAt({ duration: '5mo' }, at('2026-11-22T00:00Z'))).toThrow(/anchor.*"5mo"/);
    expect(() => periodAt({ duration: '24mo' }, at('2026-11-22T00:00Z'))).toThrow(InvalidDuration);
  });
});

describe('periodAt from an anchor', () => {
  it.each([
    [
      '5h in elapsed time',
      '5h',
      'UTC',
      '2026-11-22T01:00Z',
      '2026-11-22T22:30Z',
      '2026-11-22T21:00Z',
      '2026-11-23T02:00Z',
    ],
    [
      '5h over a change of clocks',
      '5h',
      BERLIN,
      '2026-03-28T23:00Z',
      '2026-03-29T05:00Z',
      '2026-03-29T04:00Z',
      '2026-03-29T09:00Z',
    ],
    [
      '14d before the anchor',
      '14d',
      'UTC',
      '2026-11-22T10:00Z',
      '2026-11-08T09:59Z',
      '2026-10-25T10:00Z',
      '2026-11-08T10:00Z',
    ],
    [
      '1d at the anchor’s time on the wall clock',
      '1d',
      BERLIN,
      '2026-03-20T09:00Z',
      '2026-03-30T00:00Z',
      '2026-03-29T08:00Z',
      '2026-03-30T08:00Z',
    ],
    [
      '30d as 30 days',
      '30d',
      'UTC',
      '2026-01-10T00:00Z',
      '2026-02-20T00:00Z',
      '2026-02-09T00:00Z',
      '2026-03-11T00:00Z',
    ],
    [
      '1mo from the 31st into February',
      '1mo',
      'UTC',
      '2026-01-31T10:00Z',
      '2026-02-28T10:00Z',
      '2026-02-28T10:00Z',
      '2026-03-31T10:00Z',
    ],
    [
      '1mo from the 31st after February',
      '1mo',
      'UTC',
      '2026-01-31T10:00Z',
      '2026-04-29T10:00Z',
      '2026-03-31T10:00Z',
      '2026-04-30T10:00Z',
    ],
    [
      '12mo from a leap day',
      '12mo',
      'UTC',
      '2028-02-29T00:00Z',
      '2029-03-01T00:00Z',
      '2029-02-28T00:00Z',
      '2030-02-28T00:00Z',
    ],
    [
      '48mo from a leap day',
      '48mo',
      'UTC',
      '2028-02-29T00:00Z',
      '2032-02-29T00:00Z',
      '2032-02-29T00:00Z',
      '2036-02-29T00:00Z',
    ],
    [
      '5mo before the anchor',
      '5mo',
      'UTC',
      '2026-11-01T00:00Z',
      '2026-10-31T00:00Z',
      '2026-06-01T00:00Z',
      '2026-11-01T00:00Z',
    ],
    [
      '1d from the second of two equal times',
      '1d',
      BERLIN,
      '2026-10-25T01:30Z',
      '2026-10-25T01:30Z',
      '2026-10-25T01:30Z',
      '2026-10-26T01:30Z',
    ],
  ])('runs %s', (_what, duration, timezone, anchor, instant, start, end) => {
    expect(shown({ duration, timezone, anchor: at(anchor) }, instant)).toEqual([start, end]);
  });
});

describe('periodAt', () => {
  it('never ends without a duration', () => {
    expect(periodAt({ duration: null }, at('2026-11-22T00:00Z'))).toEqual({ start: null, end: null });
  });

  it.each([
    '',
    ' ',
    '30',
    'd',
    '1D',
    '-1d',
    '+1d',
    '1.5h',
    '1y',
    '1d12h',
    '10days',
    ' 1d',
    '0s',
    '00d',
    '0mo',
    'none',
    '9999999d',
    `${'9'.repeat(400)}s`,
  ])('refuses the duration %j and quotes it', (duration) => {
    const ask = (): unknown => periodAt({ duration }, at('2026-11-22T00:00Z'));
    expect(ask).toThrow(InvalidDuration);
    expect(ask).toThrow(JSON.stringify(duration).slice(0, 50));
  });

  it.each(['', 'Mars/Olympus', '+02:00', 'Z', 'Europe/Berlin ', '2026-01-01T00:00[Europe/Berlin]'])(
    'refuses the time zone %j and quotes it',
    (timezone) => {
      const ask = (): unknown => periodAt({ duration: '1d', timezone }, at('2026-11-22T00:00Z'));
      expect(ask).toThrow(InvalidTimeZone);
      expect(ask).toThrow(JSON.stringify(timezone));
    },
  );

  it.each(['', '24:00', '25:00', '12:60', '12', 'noon', '720', '9:00', '12:00:60', '12:00Z'])(
    'refuses the reset time %j and quotes it',
    (resetTime) => {
      const ask = (): unknown => periodAt({ duration: '1d', resetTime }, at('2026-11-22T00:00Z'));
      expect(ask).toThrow(InvalidResetTime);
      expect(ask).toThrow(JSON.stringify(resetTime));
    },
  );

  it('takes an invalid date for our own mistake', () => {
    expect(() => periodAt({ duration: '1d' }, new Date(Number.NaN))).toThrow(InvariantBroken);
    expect(() => periodAt({ duration: '1d', anchor: new Date(Number.NaN) }, at('2026-11-22T00:00Z'))).toThrow(
      InvariantBroken,
    );
  });
});

describe('periodId', () => {
  it('names a period by its bounds and the one that never ends "none"', () => {
    expect(periodId(periodAt({ duration: null }, new Date(0)))).toBe('none');
    expect(periodId(periodAt({ duration: '1d' }, new Date(0)))).toBe('0-86400000');
  });
});
