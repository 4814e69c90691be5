import type { SpendStoreUnavailable } from '@spendgate/domain';
import { createBucketPasses } from './bucket-passes.ts';
import type { BucketState, CounterCopy } from './counter-copy-port.ts';
import type { CounterKey, CounterSource } from './counter-source-port.ts';

export interface RebuildPorts {
  readonly source: CounterSource;
  readonly copy: CounterCopy;
  /** A text unlike any other, for the marks of one pass. */
  readonly newToken: () => string;
}

export interface RebuildResult {
  /** The open rows written. */
  readonly rows: number;
  /** The cursor that the built buckets now have. */
  readonly cursor: bigint;
  readonly built: readonly number[];
  /** Buckets to start over: Redis lost the mark, or another build displaced it, or the epoch changed. */
  readonly failed: readonly number[];
  /** One of the failures of the store, if any. */
  readonly failure: SpendStoreUnavailable | null;
}

const DEFAULT_PAGE_ROWS = 2_000;

/**
 * Rebuilds buckets of the copy from one reading of the open rows. A bucket becomes whole in its last
 * step, and only if Redis still holds every chunk's mark. Safe to repeat and to run beside pushes.
 * `onPage` is awaited between pages, with the rows written so far.
 * @throws LedgerUnavailable
 */
export async function rebuildCopy(
  ports: RebuildPorts,
  of: {
    readonly epoch: number;
    /** The buckets to build, with the state each was seen with; null where there was none. */
    readonly buckets: ReadonlyMap<number, BucketState | null>;
    readonly pageRows?: number;
    readonly onPage?: (rows: number) => Promise<void>;
  },
): Promise<RebuildResult> {
  // The cursor comes before the first read: what commits later is owed to the sweep.
  const before = await ports.source.snapshot();
  const passes = createBucketPasses({
    copy: ports.copy,
    buckets: before.epoch === of.epoch ? [...of.buckets.keys()] : [],
    epoch: of.epoch,
    token: ports.newToken(),
    putChunk: async (mark, counters) => ports.copy.putBuilt(mark, counters),
  });
  await passes.each(async (mark) => ports.copy.startBuild(mark, of.buckets.get(mark.bucket) ?? null));

  const limit = of.pageRows ?? DEFAULT_PAGE_ROWS;
  let rows = 0;
  let after: CounterKey | null = null;
  let full = passes.marks.size > 0;
  while (full && passes.marks.size > 0) {
    const page: Awaited<ReturnType<CounterSource['openPage']>> = await ports.source.openPage({
      after,
      limit,
    });
    rows += await passes.write(page);
    after = page.at(-1) ?? null;
    full = page.length === limit;
    if (full) await of.onPage?.(rows);
  }
  return finish({ ports, of, before, passes, rows });
}

async function finish(build: {
  readonly ports: RebuildPorts;
  readonly of: { readonly epoch: number; readonly buckets: ReadonlyMap<number, BucketState | null> };
  readonly before: { readonly cursor: bigint; readonly rulesVersion: number };
  readonly passes: ReturnType<typeof createBucketPasses>;
  readonly rows: number;
}): Promise<RebuildResult> {
  const { ports, of, before, passes } = build;
  const { cursor, rulesVersion } = before;
  // A database that went back in the middle was read in two histories.
  const after = await ports.source.snapshot();
  const whole = after.epoch === of.epoch;
  await passes.each(async (mark) =>
    whole ? ports.copy.finishBuild(mark, { epoch: of.epoch, cursor, rulesVersion }) : false,
  );
  const built = [...passes.marks.keys()];
  return {
    rows: build.rows,
    cursor,
    built,
    failed: [...of.buckets.keys()].filter((bucket) => !passes.marks.has(bucket)),
    failure: passes.failures.values().next().value ?? null,
  };
}
