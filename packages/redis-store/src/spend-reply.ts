import type { BucketState } from '@spendgate/application';
import type { NanoUsd } from '@spendgate/domain';
import { InvariantBroken } from '@spendgate/domain';
import { parseBucketState } from './bucket-state.ts';

/** One call's reply. Read by hand: it is parsed for every check, and zod would cost more than the call. */
export interface SpendReply {
  readonly state: BucketState | null;
  /** How old the state is by the clock of the node that holds it. */
  readonly ageMs: number;
  /**
   * What the subject at `index` spent, its stripes added up; null when nothing. Undefined when a value is
   * malformed, so that it is unknown.
   */
  spent(index: number): NanoUsd | null | undefined;
}

/** Reads the reply of read-spend.lua. @throws InvariantBroken when it is no such reply */
export function parseSpendReply(reply: unknown, bucketCount: number): SpendReply {
  if (!Array.isArray(reply)) throw new InvariantBroken('read-spend: the reply is no list');
  const values: readonly unknown[] = reply;
  const text = values[0];
  const state = parseBucketState(typeof text === 'string' ? text : null, bucketCount);
  const nowMs = Number(values[1]) * 1000 + Number(values[2]) / 1000;
  const known: (NanoUsd | null | undefined)[] = [];
  return {
    state,
    ageMs: state === null ? 0 : nowMs - state.at.getTime(),
    spent(index) {
      // Subjects that many reads share, such as the proxy as a whole, are added up once.
      if (index in known) return known[index];
      const value = values[index + 3];
      const spent = Array.isArray(value) ? sumStripes(value) : parseSpent(value);
      known[index] = spent;
      return spent;
    },
  };
}

function sumStripes(stripes: readonly unknown[]): NanoUsd | null | undefined {
  let sum: NanoUsd | null = null;
  for (const stripe of stripes) {
    const spent = parseSpent(stripe);
    if (spent === undefined) return undefined;
    if (spent !== null) sum = (sum ?? 0n) + spent;
  }
  return sum;
}

/** Reads "version:spent". */
function parseSpent(value: unknown): NanoUsd | null | undefined {
  if (value === null || value === undefined) return null;
  if (typeof value !== 'string') return undefined;
  const colon = value.indexOf(':');
  const digits = value.slice(colon + 1);
  if (colon < 1 || digits === '') return undefined;
  try {
    return BigInt(digits);
  } catch {
    // Not one of ours: the caller treats the counter as unknown.
    return undefined;
  }
}
