/** Says below which cursor changes may be forgotten, given the least cursor of each sweep. */
export interface PurgeHorizon {
  /** Null while nothing is old enough. */
  after(leastCursor: bigint): bigint | null;
}

const SAMPLES = 10;

/**
 * Keeps changes for `keepMs` after every bucket has them, so that a Redis that lost its last writes
 * catches up from the changes instead of being rebuilt. It saves work only: a copy that went back
 * further is known by `CounterSnapshot.changesFrom`.
 */
export function createPurgeHorizon(of: { readonly keepMs: number; readonly now: () => Date }): PurgeHorizon {
  let samples: readonly { readonly atMs: number; readonly cursor: bigint }[] = [];
  return {
    after(leastCursor) {
      const atMs = of.now().getTime();
      // PostgreSQL that went back gives lower cursors: what was noted before does not apply to it.
      samples = samples.filter((sample) => sample.cursor <= leastCursor && sample.atMs <= atMs);
      const last = samples.at(-1);
      if (last === undefined || atMs - last.atMs >= of.keepMs / SAMPLES) {
        samples = [...samples, { atMs, cursor: leastCursor }];
      }
      const newestOld = samples.findLastIndex((sample) => atMs - sample.atMs >= of.keepMs);
      if (newestOld > 0) samples = samples.slice(newestOld);
      return newestOld < 0 ? null : (samples[0]?.cursor ?? null);
    },
  };
}
