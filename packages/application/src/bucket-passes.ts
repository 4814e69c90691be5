import { SpendStoreUnavailable } from '@spendgate/domain';
import type { CounterCopy, PassMark } from './counter-copy-port.ts';
import type { CounterValue } from './ledger-port.ts';

/** A pass over several buckets at once. A bucket whose chunk is refused drops out; the others go on. */
export interface BucketPasses {
  /** Where each bucket's pass stands; buckets that dropped out are gone. */
  readonly marks: ReadonlyMap<number, PassMark>;
  /** Buckets whose node did not answer, with the last failure. */
  readonly failures: ReadonlyMap<number, SpendStoreUnavailable>;
  /** Writes one page's rows of the buckets still in the pass, in chunks of a bucket. Returns how many rows. */
  write(rows: readonly CounterValue[]): Promise<number>;
  /** Runs `act` for each bucket still in the pass; one for which it is false or Redis fails drops out. */
  each(act: (mark: PassMark) => Promise<boolean>): Promise<void>;
}

/** What one script call of Redis may write; others wait for it about a millisecond. */
const ROWS_PER_CHUNK = 250;

/** Begins with a mark at position 0 for each bucket; nothing is written yet. */
export function createBucketPasses(of: {
  readonly copy: CounterCopy;
  readonly buckets: readonly number[];
  readonly epoch: number;
  readonly token: string;
  readonly putChunk: (mark: PassMark, counters: readonly CounterValue[]) => Promise<boolean>;
}): BucketPasses {
  const marks = new Map<number, PassMark>();
  for (const bucket of of.buckets) {
    marks.set(bucket, { bucket, epoch: of.epoch, token: of.token, position: 0 });
  }
  const failures = new Map<number, SpendStoreUnavailable>();

  const attempt = async (mark: PassMark, act: () => Promise<boolean>): Promise<boolean> => {
    let done = false;
    try {
      done = await act();
    } catch (error) {
      if (!(error instanceof SpendStoreUnavailable)) throw error;
      failures.set(mark.bucket, error);
    }
    if (!done) marks.delete(mark.bucket);
    return done;
  };

  /** All chunks at once: each expects the mark that the one before it leaves, so one lost fails the rest. */
  const writeChunks = async (mark: PassMark, rows: readonly CounterValue[]): Promise<number> => {
    const chunks = Math.ceil(rows.length / ROWS_PER_CHUNK);
    const done = await attempt(mark, async () => {
      const writes = Array.from({ length: chunks }, async (_, index) =>
        of.putChunk(
          { ...mark, position: mark.position + index + 1 },
          rows.slice(index * ROWS_PER_CHUNK, (index + 1) * ROWS_PER_CHUNK),
        ),
      );
      return (await Promise.all(writes)).every((written) => written);
    });
    if (!done) return 0;
    marks.set(mark.bucket, { ...mark, position: mark.position + chunks });
    return rows.length;
  };

  return {
    marks,
    failures,
    async write(rows) {
      const writes: Promise<number>[] = [];
      for (const [bucket, chunk] of groupByBucket(of.copy, rows)) {
        const mark = marks.get(bucket);
        if (mark !== undefined) writes.push(writeChunks(mark, chunk));
      }
      return (await Promise.all(writes)).reduce((sum, count) => sum + count, 0);
    },
    async each(act) {
      await Promise.all([...marks.values()].map(async (mark) => attempt(mark, async () => act(mark))));
    },
  };
}

function groupByBucket(
  copy: CounterCopy,
  rows: readonly CounterValue[],
): ReadonlyMap<number, readonly CounterValue[]> {
  const groups = new Map<number, CounterValue[]>();
  for (const row of rows) {
    const bucket = copy.bucketOf(row.subject);
    const group = groups.get(bucket);
    if (group === undefined) groups.set(bucket, [row]);
    else group.push(row);
  }
  return groups;
}
