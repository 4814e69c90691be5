import { SpendStoreUnavailable } from '@spendgate/domain';
import { createBucketPasses } from './bucket-passes.ts';
import type { BucketState, CounterCopy } from './counter-copy-port.ts';
import type { CounterKey, CounterSnapshot, CounterSource } from './counter-source-port.ts';
import type { PurgeHorizon } from './purge-horizon.ts';
import { rebuildCopy } from './rebuild-copy.ts';
import type { RulesCopy, RulesLedger } from './rules-port.ts';

export interface SweepPorts {
  readonly source: CounterSource;
  readonly copy: CounterCopy;
  readonly rules: RulesLedger;
  readonly rulesCopy: RulesCopy;
  readonly horizon: PurgeHorizon;
  /** A text unlike any other, for the marks of one pass. */
  readonly newToken: () => string;
}

export interface SweepResult {
  readonly epoch: number;
  /** Rows sent because they changed. */
  readonly pushed: number;
  /** Rows sent by a rebuild. */
  readonly rebuiltRows: number;
  /** Buckets, by what became of them; together all of them. */
  readonly advanced: number;
  readonly rebuilt: number;
  readonly lagging: number;
  readonly unreachable: number;
  /** Whether the rules' text had to be put into Redis. */
  readonly rulesPut: boolean;
  readonly purgedChanges: number;
  /** One of the failures of the store behind `lagging`, if any. */
  readonly failure: SpendStoreUnavailable | null;
}

const DEFAULT_PAGE_ROWS = 1_000;
/** While a rebuild reads, the other buckets are swept after each so many pages. */
const REBUILD_PAGES_PER_SWEEP = 20;

/**
 * Brings the copy in Redis to where PostgreSQL is: sends what changed since each bucket's cursor and
 * advances it, rebuilds buckets without a state of the current epoch, puts the rules' text back if Redis
 * lost it, and forgets changes that no bucket needs. Safe to repeat, to run twice at once, to pause and
 * to stop anywhere. A bucket that cannot be reached does not hold up the others.
 * @throws LedgerUnavailable, and SpendStoreUnavailable when no bucket can be reached
 */
export async function sweepOnce(
  ports: SweepPorts,
  of: { readonly pageRows?: number; readonly rebuildPageRows?: number } = {},
): Promise<SweepResult> {
  const { copy, source } = ports;
  const epoch = await source.confirmEpoch({ counterBuckets: copy.bucketCount });
  const rules = await restoreRules(ports, epoch);
  const swept = await sweepLiving(ports, { epoch, pageRows: of.pageRows ?? DEFAULT_PAGE_ROWS });
  let pushed = swept.pushed;
  let pages = 0;
  const rebuild = await rebuildCopy(ports, {
    epoch,
    buckets: swept.lost,
    ...(of.rebuildPageRows === undefined ? {} : { pageRows: of.rebuildPageRows }),
    onPage: async () => {
      pages += 1;
      if (pages % REBUILD_PAGES_PER_SWEEP !== 0 || swept.lost.size === copy.bucketCount) return;
      pushed += (await sweepLiving(ports, { epoch, pageRows: of.pageRows ?? DEFAULT_PAGE_ROWS })).pushed;
    },
  });
  const failure = swept.failure ?? rebuild.failure ?? rules.failure;
  if (failure !== null && swept.advanced + rebuild.built.length === 0) throw failure;
  const lagging = swept.lagging + rebuild.failed.length;
  if (lagging === 0 && swept.unreachable === 0) await copy.unlinkOldEpochs(epoch);
  return {
    epoch,
    pushed,
    rebuiltRows: rebuild.rows,
    advanced: swept.advanced,
    rebuilt: rebuild.built.length,
    lagging,
    unreachable: swept.unreachable,
    rulesPut: rules.put,
    purgedChanges: await purge(ports, swept),
    failure,
  };
}

interface LivingSweep {
  readonly pushed: number;
  readonly advanced: number;
  readonly lagging: number;
  readonly unreachable: number;
  readonly lost: ReadonlyMap<number, BucketState | null>;
  /** Below it no bucket with a state needs changes; null when nothing can be said. */
  readonly leastCursor: bigint | null;
  readonly changesFrom: bigint;
  readonly failure: SpendStoreUnavailable | null;
}

/** Sends what changed to the buckets that have a state of the epoch, and advances them. */
async function sweepLiving(
  ports: SweepPorts,
  of: { readonly epoch: number; readonly pageRows: number },
): Promise<LivingSweep> {
  const { copy, source } = ports;
  // States before the snapshot, so that no cursor lies above it and none is ever set back.
  const readings = await copy.states();
  const before = await source.snapshot();
  const seen = sortReadings(readings, { epoch: of.epoch, changesFrom: before.changesFrom });
  const passes = createBucketPasses({
    copy,
    buckets: [...seen.living.keys()],
    epoch: of.epoch,
    token: ports.newToken(),
    putChunk: async (mark, counters) => copy.putSwept(mark, counters),
  });
  const pushed = await pushChanges({ source, passes, living: seen.living, pageRows: of.pageRows });
  // Read again: another sweep may have forgotten, meanwhile, changes that this one should have sent.
  const after = await source.snapshot();
  await passes.each(async (mark) => {
    const from = seen.living.get(mark.bucket);
    if (from === undefined || after.epoch !== of.epoch || from.cursor < after.changesFrom) return false;
    const to = { epoch: of.epoch, cursor: before.cursor, rulesVersion: before.rulesVersion };
    return copy.advance({ bucket: mark.bucket, from, to, swept: mark.position === 0 ? null : mark });
  });
  return {
    pushed,
    advanced: passes.marks.size,
    lagging: seen.living.size - passes.marks.size,
    unreachable: seen.unreachable,
    lost: seen.lost,
    leastCursor: seen.unreachable > 0 ? null : leastCursor(seen.living, { passes, to: before }),
    changesFrom: after.changesFrom,
    failure: passes.failures.values().next().value ?? null,
  };
}

function sortReadings(
  readings: Awaited<ReturnType<CounterCopy['states']>>,
  of: { readonly epoch: number; readonly changesFrom: bigint },
): {
  readonly living: ReadonlyMap<number, BucketState>;
  readonly lost: ReadonlyMap<number, BucketState | null>;
  readonly unreachable: number;
} {
  const living = new Map<number, BucketState>();
  const lost = new Map<number, BucketState | null>();
  let unreachable = 0;
  for (const [bucket, reading] of readings.entries()) {
    if (reading === 'unreachable') unreachable += 1;
    else if (reading?.epoch === of.epoch && reading.cursor >= of.changesFrom) living.set(bucket, reading);
    else lost.set(bucket, reading);
  }
  return { living, lost, unreachable };
}

async function pushChanges(of: {
  readonly source: CounterSource;
  readonly passes: ReturnType<typeof createBucketPasses>;
  readonly living: ReadonlyMap<number, BucketState>;
  readonly pageRows: number;
}): Promise<number> {
  const cursor = least([...of.living.values()].map((state) => state.cursor));
  if (cursor === null) return 0;
  let pushed = 0;
  let after: CounterKey | null = null;
  let full = true;
  while (full && of.passes.marks.size > 0) {
    const page: Awaited<ReturnType<CounterSource['changedSince']>> = await of.source.changedSince({
      cursor,
      after,
      limit: of.pageRows,
    });
    pushed += await of.passes.write(page);
    after = page.at(-1) ?? null;
    full = page.length === of.pageRows;
  }
  return pushed;
}

function leastCursor(
  living: ReadonlyMap<number, BucketState>,
  of: { readonly passes: ReturnType<typeof createBucketPasses>; readonly to: CounterSnapshot },
): bigint {
  const cursors = [...living].map(([bucket, from]) =>
    of.passes.marks.has(bucket) ? of.to.cursor : from.cursor,
  );
  return least([...cursors, of.to.cursor]) ?? of.to.cursor;
}

/** A build of this sweep took its cursor after `swept` took its own, so it needs no older changes. */
async function purge(ports: SweepPorts, swept: LivingSweep): Promise<number> {
  if (swept.leastCursor === null) return 0;
  const below = ports.horizon.after(swept.leastCursor);
  if (below === null || below <= swept.changesFrom) return 0;
  return ports.source.purgeChanges({ below });
}

/** On a cluster the rules lie on one node; the counters of the others do not wait for it. */
async function restoreRules(
  ports: SweepPorts,
  epoch: number,
): Promise<{ readonly put: boolean; readonly failure: SpendStoreUnavailable | null }> {
  const published = await ports.rules.find();
  if (published === undefined) return { put: false, failure: null };
  try {
    const held = await ports.rulesCopy.find();
    const lost = held?.text !== published.text;
    if (lost) await ports.rulesCopy.put(published, epoch);
    return { put: lost, failure: null };
  } catch (failure) {
    if (!(failure instanceof SpendStoreUnavailable)) throw failure;
    return { put: false, failure };
  }
}

function least(values: readonly bigint[]): bigint | null {
  return values.reduce<bigint | null>(
    (lowest, value) => (lowest === null || value < lowest ? value : lowest),
    null,
  );
}
