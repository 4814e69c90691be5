import { InvariantBroken } from './errors.ts';

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

export function periodAt(scheme: PeriodScheme, at: Date): Period {
  throw new InvariantBroken(`not built yet: ${String(scheme.duration)} ${at.getTime()}`);
}

/** The period as counters name it: `none` for the one that never ends, else `startMs-endMs`. */
export function periodId(period: Period): string {
  const { start, end } = period;
  return start === null || end === null ? NO_PERIOD_ID : `${start.getTime()}-${end.getTime()}`;
}

export const NO_PERIOD_ID = 'none';
