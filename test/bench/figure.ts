/** At most this; a figure above it fails the run. */
export interface Limit {
  readonly of: 'value' | 'ratio';
  readonly atMost: number;
}

/** One measured number beside the floor that was measured in the same run. */
export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  readonly floor: number | null;
  readonly ratio: number | null;
  readonly limit: Limit | null;
  /** Parts and circumstances, for the reader. */
  readonly notes: readonly string[];
}

/** A figure's ratio is value to floor, so that a reader can check it. */
export function figure(of: {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  readonly floor?: number;
  readonly limit?: Limit;
  readonly notes?: readonly string[];
}): Figure {
  const floor = of.floor ?? null;
  return {
    figure: of.figure,
    value: of.value,
    unit: of.unit,
    floor,
    ratio: floor === null ? null : of.value / floor,
    limit: of.limit ?? null,
    notes: of.notes ?? [],
  };
}

/** Null when the figure has no limit. */
export function meetsLimit(of: Figure): boolean | null {
  if (of.limit === null) return null;
  const measured = of.limit.of === 'value' ? of.value : of.ratio;
  return measured !== null && measured <= of.limit.atMost;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
