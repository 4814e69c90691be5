import type { Charge, NanoUsd } from '@spendgate/domain';

export interface SubjectSum extends Charge {
  nanoUsd: NanoUsd;
}

/** Sums by subject and period. */
export interface SubjectSums {
  readonly size: number;
  add(charge: Charge, nanoUsd: NanoUsd): void;
  /** All sums; the collection is empty afterwards. */
  take(): readonly SubjectSum[];
}

export function createSubjectSums(): SubjectSums {
  let sums = new Map<string, SubjectSum>();
  return {
    get size() {
      return sums.size;
    },
    add({ subject, period, periodEnd }, nanoUsd) {
      // Period ids hold no space, so the pair stays unambiguous.
      const key = `${period} ${subject}`;
      const known = sums.get(key);
      if (known === undefined) sums.set(key, { subject, period, periodEnd, nanoUsd });
      else known.nanoUsd += nanoUsd;
    },
    take() {
      const taken = [...sums.values()];
      sums = new Map();
      return taken;
    },
  };
}
