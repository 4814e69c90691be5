import type { BucketState, CounterValue, PassMark, RulesText } from '@spendgate/application';
import type { Random } from './random.ts';
import type { RedisUnderTest } from './world.ts';

/** Faults of the scripts, to show that the simulation sees them. */
export interface RedisFaults {
  readonly writesOlderVersions?: boolean;
  readonly advancesWithoutComparing?: boolean;
  readonly finishesWithoutMark?: boolean;
}

/** One slot's keys. Never changed, only replaced, so that older ones can be gone back to. */
interface Bucket {
  readonly state: BucketState | null;
  readonly build: string;
  readonly sweep: string;
  /** By epoch, subject and field. */
  readonly fields: ReadonlyMap<string, { readonly version: number; readonly spent: bigint }>;
}

const EMPTY: Bucket = { state: null, build: '', sweep: '', fields: new Map() };
const WRITES_KEPT = 40;

/** What the scripts of `packages/redis-store/lua` do, on slots that can lose writes. */
export function createSimulatedRedis(of: {
  readonly bucketCount: number;
  readonly random: Random;
  readonly now: () => Date;
  readonly faults: RedisFaults;
}): RedisUnderTest {
  const { faults } = of;
  const slots = Array.from({ length: of.bucketCount }, () => ({ now: EMPTY, before: [] as Bucket[] }));
  let revision = 0;
  let rules: (RulesText & { readonly epoch: number }) | undefined;

  const slot = (bucket: number): { now: Bucket; before: Bucket[] } => {
    const found = slots[bucket];
    if (found === undefined) throw new Error(`no bucket ${bucket}`);
    return found;
  };
  const write = (bucket: number, change: Partial<Bucket>): void => {
    const at = slot(bucket);
    at.before.push(at.now);
    if (at.before.length > WRITES_KEPT) at.before.shift();
    at.now = { ...at.now, ...change };
    revision += 1;
  };
  const counted = (held: Bucket, epoch: number, counters: readonly CounterValue[]): Bucket['fields'] => {
    const fields = new Map(held.fields);
    for (const counter of counters) {
      const name = fieldName(epoch, counter);
      const known = fields.get(name);
      if (known !== undefined && known.version >= counter.version && faults.writesOlderVersions !== true)
        continue;
      fields.set(name, { version: counter.version, spent: counter.spentNanoUsd });
    }
    return fields;
  };
  const put = (
    bucket: number,
    epoch: number,
    counters: readonly CounterValue[],
    mark: Partial<Bucket>,
  ): void => {
    const held = slot(bucket).now;
    const state = held.state !== null && held.state.epoch < epoch ? null : held.state;
    const fields = counted(held, epoch, counters);
    write(bucket, { state, fields, ...mark });
  };

  return {
    put: (bucket: number, epoch: number, counters: readonly CounterValue[]) =>
      put(bucket, epoch, counters, {}),
    states: () => slots.map(({ now }) => now.state),
    putSwept(mark: PassMark, counters: readonly CounterValue[]): boolean {
      const { sweep } = slot(mark.bucket).now;
      if (mark.position > 1 && sweep !== text(mark, -1)) return false;
      put(mark.bucket, mark.epoch, counters, { sweep: text(mark) });
      return true;
    },
    advance({ bucket, from, to, swept }): boolean {
      const { state, sweep } = slot(bucket).now;
      const same = state?.epoch === from.epoch && state.cursor === from.cursor;
      const complete = swept === null || sweep === text(swept);
      if (!(same && complete) && faults.advancesWithoutComparing !== true) return false;
      write(bucket, { state: { ...to, at: of.now() }, ...(swept === null ? {} : { sweep: '' }) });
      return true;
    },
    startBuild(mark: PassMark, seen: BucketState | null): boolean {
      const { state } = slot(mark.bucket).now;
      if (state !== null && (state.epoch !== seen?.epoch || state.cursor !== seen.cursor)) return false;
      write(mark.bucket, { build: text(mark), state: null });
      return true;
    },
    putBuilt(mark: PassMark, counters: readonly CounterValue[]): boolean {
      if (faults.finishesWithoutMark !== true && slot(mark.bucket).now.build !== text(mark, -1)) return false;
      put(mark.bucket, mark.epoch, counters, { build: text(mark) });
      return true;
    },
    finishBuild(mark: PassMark, state: Omit<BucketState, 'at'>): boolean {
      if (faults.finishesWithoutMark !== true && slot(mark.bucket).now.build !== text(mark)) return false;
      write(mark.bucket, { build: '', state: { ...state, at: of.now() } });
      return true;
    },
    unlinkBelow(epoch: number): void {
      for (const [bucket, { now }] of slots.entries()) {
        const fields = [...now.fields].filter(([name]) => Number(name.slice(0, name.indexOf(' '))) >= epoch);
        if (fields.length < now.fields.size) write(bucket, { fields: new Map(fields) });
      }
    },
    rules: () => rules,
    putRules(next: RulesText, epoch: number): void {
      const newer = rules === undefined || epoch > rules.epoch || next.version > rules.version;
      if (newer && (rules === undefined || epoch === 0 || epoch >= rules.epoch)) {
        rules = { ...next, epoch: epoch === 0 ? (rules?.epoch ?? 0) : epoch };
      }
    },
    loseLastWrites(bucket: number): void {
      const at = slot(bucket);
      const lost = of.random.pick([1, 2, 1 + of.random.below(WRITES_KEPT)]);
      const back = at.before[Math.max(0, at.before.length - lost)];
      if (back === undefined) return;
      at.before.length = Math.max(0, at.before.length - lost);
      at.now = back;
      revision += 1;
    },
    wipe(bucket: number): void {
      const at = slot(bucket);
      at.now = EMPTY;
      revision += 1;
      at.before = [];
    },
    wipeRules(): void {
      rules = undefined;
    },
    get revision() {
      return revision;
    },
    state: (bucket: number) => slot(bucket).now.state,
    spent: (bucket, epoch, counter) => slot(bucket).now.fields.get(fieldName(epoch, counter))?.spent ?? null,
  };
}

function text(mark: PassMark, shift = 0): string {
  return `${mark.epoch} ${mark.token} ${mark.position + shift}`;
}

function fieldName(epoch: number, of: Pick<CounterValue, 'subject' | 'period' | 'stripe'>): string {
  return `${epoch} ${of.subject} ${of.period} ${of.stripe}`;
}
