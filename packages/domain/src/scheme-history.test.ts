import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantBroken } from './errors.ts';
import { periodAt } from './period.ts';
import type { PeriodScheme } from './period.ts';
import type { SchemeInForce } from './rules.ts';
import { nextSchemes, periodInForce } from './scheme-history.ts';

const NOW = new Date('2026-11-22T06:38:00Z');
const MIDNIGHT = new Date('2026-11-23T00:00:00Z');
const DAILY = { duration: '1d', timezone: 'UTC' };
const HOURLY = { duration: '1h', timezone: 'UTC' };
const MONTHLY = { duration: '30d', timezone: 'UTC' };

function historyOf(...schemes: readonly PeriodScheme[]): readonly SchemeInForce[] {
  return (
    schemes.reduce<readonly SchemeInForce[] | null>(
      (history, scheme) => nextSchemes({ history, scheme, now: NOW }),
      null,
    ) ?? []
  );
}

describe('nextSchemes', () => {
  it('puts a first scheme in force since ever', () => {
    expect(historyOf(DAILY)).toEqual([{ from: null, scheme: DAILY }]);
  });

  it('changes nothing when the same scheme is asked for, however it is written', () => {
    const history = historyOf({ duration: 'weekly' });
    for (const scheme of [
      { duration: '7d' },
      { duration: '07d', timezone: 'UTC' },
      { duration: 'Weekly', resetTime: '00:00:00' },
    ]) {
      expect(nextSchemes({ history, scheme, now: NOW })).toBe(history);
    }
  });

  it('lets a change begin at the end of the open period', () => {
    expect(historyOf(DAILY, HOURLY)).toEqual([
      { from: null, scheme: DAILY },
      { from: MIDNIGHT, scheme: HOURLY },
    ]);
  });

  it('lets a change begin at once where the open period never ends', () => {
    expect(historyOf({ duration: null }, DAILY)[1]).toEqual({ from: NOW, scheme: DAILY });
  });

  it('replaces a change that is not yet in force, and withdraws it when the old scheme is asked for again', () => {
    expect(historyOf(DAILY, HOURLY, MONTHLY)).toEqual([
      { from: null, scheme: DAILY },
      { from: MIDNIGHT, scheme: MONTHLY },
    ]);
    expect(historyOf(DAILY, HOURLY, DAILY)).toEqual([{ from: null, scheme: DAILY }]);
  });

  it('keeps a change that is in force', () => {
    const history = nextSchemes({ history: historyOf(DAILY, HOURLY), scheme: MONTHLY, now: MIDNIGHT });
    expect(history.map(({ scheme }) => scheme.duration)).toEqual(['1d', '1h', '30d']);
    expect(history[2]?.from).toEqual(new Date('2026-11-23T01:00:00Z'));
  });

  it.each([
    ['14d', '2026-12-06T00:00:00Z'],
    ['5h', '2026-11-22T10:00:00Z'],
    ['45m', '2026-11-22T06:45:00Z'],
    ['5mo', '2026-11-01T00:00:00Z'],
  ])('anchors %s at the boundary that holds at the moment it comes into force', (duration, anchor) => {
    const history = historyOf({ duration });
    expect(history).toEqual([{ from: null, scheme: { duration, anchor: new Date(anchor) } }]);
    expect(nextSchemes({ history, scheme: { duration }, now: MIDNIGHT })).toBe(history);
  });

  it('takes another given anchor, zone or reset time for a change', () => {
    const history = historyOf({ duration: '1d', anchor: NOW });
    expect(nextSchemes({ history, scheme: { duration: '1d', anchor: NOW }, now: NOW })).toBe(history);
    for (const scheme of [
      { duration: '1d', anchor: MIDNIGHT },
      { duration: '1d' },
      { duration: '1d', anchor: NOW, timezone: 'Europe/Berlin' },
      { duration: '1d', anchor: NOW, resetTime: '12:00' },
      { duration: null },
    ]) {
      expect(nextSchemes({ history, scheme, now: NOW })).toHaveLength(2);
    }
  });

  it('cuts no open period and gives every instant one that holds it, whatever is asked for and when', () => {
    const durations = fc.constantFrom(null, '1h', '5h', '1d', '14d', '7d', '30d', '5mo', '45m');
    const asked = fc.array(fc.tuple(durations, fc.integer({ min: 0, max: 3_000_000_000 })), { maxLength: 6 });
    fc.assert(
      fc.property(asked, fc.integer({ min: 0, max: 9_000_000_000 }), (changes, laterMs) => {
        let now = NOW;
        let history = historyOf({ duration: '1d' });
        for (const [duration, waitMs] of changes) {
          now = new Date(now.getTime() + waitMs);
          const open = periodInForce(history, now);
          history = nextSchemes({ history, scheme: { duration }, now });
          if (open.end !== null) expect(periodInForce(history, now)).toEqual(open);
        }
        const at = new Date(NOW.getTime() + laterMs);
        const { start, end } = periodInForce(history, at);
        expect(start?.getTime() ?? 0).toBeLessThanOrEqual(at.getTime());
        expect(end?.getTime() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(at.getTime());
      }),
    );
  });
});

describe('periodInForce', () => {
  it('uses the scheme that was in force at the instant', () => {
    const history = historyOf(DAILY, HOURLY);
    expect(periodInForce(history, new Date('2026-11-22T23:59:59Z')).end).toEqual(MIDNIGHT);
    expect(periodInForce(history, MIDNIGHT).end).toEqual(new Date('2026-11-23T01:00:00Z'));
    expect(periodInForce(history, new Date('2020-01-01T12:00:00Z')).end).toEqual(
      new Date('2020-01-02T00:00:00Z'),
    );
  });

  it('gives what periodAt gives, in whatever order it is asked', () => {
    const schemes = ['1h', '1d', '5h', '30d', '45m'].map((duration) => ({
      duration,
      timezone: 'Europe/Berlin',
    }));
    fc.assert(
      fc.property(
        fc.constantFrom(...schemes),
        fc.integer({ min: 0, max: 2_000_000_000 }),
        (scheme, afterMs) => {
          const at = new Date(Date.parse('2026-10-20T00:00:00Z') + afterMs);
          expect(periodInForce([{ from: null, scheme }], at)).toEqual(periodAt(scheme, at));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('gives everyone their own dates', () => {
    const history = historyOf(DAILY);
    periodInForce(history, NOW).end?.setTime(0);
    expect(periodInForce(history, NOW).end).toEqual(MIDNIGHT);
  });

  it('takes an empty history for our own mistake', () => {
    expect(() => periodInForce([], NOW)).toThrow(InvariantBroken);
  });
});
