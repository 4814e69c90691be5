import { toInstant, toWall } from './time-zone.ts';
import type { WallMs } from './time-zone.ts';

/** Half-open [startMs, endMs). */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** Boundaries numbered in order of time, so that the span between two neighbours is a period. */
export interface Grid {
  /** The instant of a boundary. */
  boundaryMs(index: number): number;
  /** The number of a boundary that lies next to the instant, or nearly so. */
  indexNear(atMs: number): number;
}

/** The span of the grid that holds the instant. Ends are found anew from boundaries, so spans tile. */
export function spanAt(grid: Grid, atMs: number): Span {
  let index = grid.indexNear(atMs);
  while (grid.boundaryMs(index) > atMs) index -= 1;
  while (grid.boundaryMs(index + 1) <= atMs) index += 1;
  return { startMs: grid.boundaryMs(index), endMs: grid.boundaryMs(index + 1) };
}

/** Boundaries at a fixed distance in elapsed time. */
export function elapsedGrid(of: { readonly originMs: number; readonly stepMs: number }): Grid {
  return {
    boundaryMs: (index) => of.originMs + index * of.stepMs,
    indexNear: (atMs) => Math.floor((atMs - of.originMs) / of.stepMs),
  };
}

/** Boundaries at a fixed distance on the wall clock: whole hours, days or weeks. */
export function wallGrid(of: {
  readonly zone: string;
  readonly origin: WallMs;
  readonly stepMs: number;
}): Grid {
  return {
    boundaryMs: (index) => toInstant(of.zone, of.origin + index * of.stepMs),
    indexNear: (atMs) => Math.floor((toWall(of.zone, atMs) - of.origin) / of.stepMs),
  };
}

/** Boundaries whole months apart. The day is clamped to each month's last one, always from the origin's day. */
export function monthGrid(of: {
  readonly zone: string;
  readonly origin: WallMs;
  readonly months: number;
}): Grid {
  const originMonth = monthNumber(of.origin);
  return {
    boundaryMs: (index) => toInstant(of.zone, addMonths(of.origin, index * of.months)),
    indexNear: (atMs) => Math.floor((monthNumber(toWall(of.zone, atMs)) - originMonth) / of.months),
  };
}

/**
 * The same grid with its origin at exactly that instant: an origin in an hour that clocks show twice would
 * otherwise be taken for the first of the two.
 */
export function withOrigin(grid: Grid, originMs: number): Grid {
  return {
    boundaryMs: (index) => (index === 0 ? originMs : grid.boundaryMs(index)),
    indexNear: (atMs) => grid.indexNear(atMs),
  };
}

function monthNumber(wall: WallMs): number {
  const date = new Date(wall);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function addMonths(wall: WallMs, months: number): WallMs {
  const from = new Date(wall);
  const year = from.getUTCFullYear();
  const month = from.getUTCMonth() + months;
  // Day 0 of the next month is the last of this one; setUTCFullYear also takes the years below 100 as they are.
  const lastDay = new Date(new Date(0).setUTCFullYear(year, month + 1, 0)).getUTCDate();
  return new Date(wall).setUTCFullYear(year, month, Math.min(from.getUTCDate(), lastDay));
}
