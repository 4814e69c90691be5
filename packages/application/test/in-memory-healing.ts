import type {
  BucketReading,
  BucketState,
  CounterCopy,
  CounterKey,
  CounterSnapshot,
  CounterSource,
  CounterValue,
  PassMark,
  RulesText,
  SweepPorts,
} from '@spendgate/application';

/** Rows, changes and a copy that keeps every promise; a test breaks single methods of it. */
export interface InMemoryHealing {
  rows: CounterValue[];
  changed: CounterValue[];
  snapshot: CounterSnapshot;
  readonly states: BucketReading[];
  readonly held: Map<string, CounterValue>;
  readonly purged: bigint[];
  readonly unlinked: number[];
  published: RulesText | undefined;
  heldRules: RulesText | undefined;
  readonly source: CounterSource;
  readonly copy: CounterCopy;
  readonly ports: SweepPorts;
}

export function row(subject: string, spentNanoUsd = 1n): CounterValue {
  return { subject, period: 'none', periodEnd: null, stripe: 0, spentNanoUsd, version: 1 };
}

export function state(cursor: bigint, epoch = 7): BucketState {
  return { epoch, cursor, rulesVersion: 1, at: new Date(0) };
}

export function createInMemoryHealing(bucketCount: number): InMemoryHealing {
  let tokens = 0;
  const marks = new Map<number, string>();
  const healing: InMemoryHealing = {
    rows: [],
    changed: [],
    snapshot: { epoch: 7, cursor: 100n, rulesVersion: 2, changesFrom: 0n },
    states: Array.from({ length: bucketCount }, () => null),
    held: new Map(),
    purged: [],
    unlinked: [],
    published: undefined,
    heldRules: undefined,
    source: {
      confirmEpoch: async () => Promise.resolve(healing.snapshot.epoch),
      raiseEpoch: async () => Promise.resolve(healing.snapshot.epoch),
      snapshot: async () => Promise.resolve(healing.snapshot),
      changedSince: async (of) => Promise.resolve(page(healing.changed, of)),
      openPage: async (of) => Promise.resolve(page(healing.rows, of)),
      async purgeChanges({ below }) {
        healing.purged.push(below);
        return Promise.resolve(1);
      },
    },
    copy: createCopy({ bucketCount, marks, healing: () => healing }),
    ports: {
      get source() {
        return healing.source;
      },
      get copy() {
        return healing.copy;
      },
      rules: {
        find: async () => Promise.resolve(healing.published),
        publish: async () => Promise.resolve(undefined),
      },
      rulesCopy: {
        find: async () => Promise.resolve(healing.heldRules),
        async put(rules) {
          healing.heldRules = rules;
          return Promise.resolve();
        },
      },
      horizon: { after: (cursor) => cursor },
      newToken() {
        tokens += 1;
        return `t${tokens}`;
      },
    },
  };
  return healing;
}

function createCopy(of: {
  readonly bucketCount: number;
  readonly marks: Map<number, string>;
  readonly healing: () => InMemoryHealing;
}): CounterCopy {
  const { marks, healing } = of;
  const keep = (counters: readonly CounterValue[]): void => {
    for (const counter of counters) healing().held.set(counter.subject, counter);
  };
  const putMarked = async (mark: PassMark, counters: readonly CounterValue[]): Promise<boolean> => {
    keep(counters);
    marks.set(mark.bucket, text(mark));
    return Promise.resolve(true);
  };
  return {
    bucketCount: of.bucketCount,
    bucketOf: (subject) => Number(subject.slice(-1)) % of.bucketCount,
    async put(_, counters) {
      keep(counters);
      return Promise.resolve();
    },
    states: async () => Promise.resolve(healing().states),
    putSwept: putMarked,
    async advance({ bucket, from, to, swept }) {
      const now = healing().states[bucket];
      const same = now !== null && now !== 'unreachable' && now?.cursor === from.cursor;
      if (!same || (swept !== null && marks.get(bucket) !== text(swept))) return Promise.resolve(false);
      healing().states[bucket] = { ...to, at: new Date(0) };
      return Promise.resolve(true);
    },
    async startBuild(mark) {
      marks.set(mark.bucket, text(mark));
      return Promise.resolve(true);
    },
    putBuilt: putMarked,
    async finishBuild(mark, to) {
      if (marks.get(mark.bucket) !== text(mark)) return Promise.resolve(false);
      healing().states[mark.bucket] = { ...to, at: new Date(0) };
      return Promise.resolve(true);
    },
    prune: async () => Promise.resolve(),
    async unlinkOldEpochs(epoch) {
      healing().unlinked.push(epoch);
      return Promise.resolve(true);
    },
  };
}

function text(mark: PassMark): string {
  return `${mark.token} ${mark.position}`;
}

function page(
  rows: readonly CounterValue[],
  of: { readonly after: CounterKey | null; readonly limit: number },
): readonly CounterValue[] {
  const { after } = of;
  return rows
    .toSorted((left, right) => (left.subject < right.subject ? -1 : 1))
    .filter((counter) => after === null || counter.subject > after.subject)
    .slice(0, of.limit);
}
