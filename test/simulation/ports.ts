import { createPurgeHorizon } from '@spendgate/application';
import type {
  CounterCopy,
  CounterSource,
  Ledger,
  RecordPorts,
  RulesCopy,
  RulesInForce,
  RulesLedger,
  SweepPorts,
} from '@spendgate/application';
import { LedgerUnavailable, SpendStoreUnavailable } from '@spendgate/domain';
import { sampleRules } from './sample.ts';
import type { Actor } from './scheduler.ts';
import type { World } from './world.ts';

/** Faults of the protocol's shape rather than of one store. */
export interface PortFaults {
  /** A chunk and the pass's mark in two steps. */
  readonly marksApart?: boolean;
  /** The state is set before the first chunk. */
  readonly wholeFromTheStart?: boolean;
}

const KEEP_CHANGES_MS = 20;

/** The ports of one process: each call is a request that the scheduler delivers, delays, or loses. */
export function createPorts(world: World, actor: Actor) {
  const copy = createCopy(world, actor);
  const rules = createRules(world);
  const source = createSource(world, actor);
  const record: Omit<RecordPorts, 'ledger'> & { readonly ledger: Ledger } = {
    ledger: createLedger(world, actor),
    copy,
    rules,
    clock: {
      nowMs: () => world.nowMs(),
      wait: async (durationMs) => world.scheduler.rest(actor, Math.ceil(durationMs / 2)),
    },
    onPushOwed: () => undefined,
    onRefused: (error) => world.violation(`the ledger refused an event: ${String(error)}`),
  };
  const sweep: SweepPorts = {
    source,
    copy,
    rules: { find: async () => fromPostgres(world, actor, () => publishedText(world)), publish: unused },
    rulesCopy: createRulesCopy(world, actor),
    horizon: createPurgeHorizon({ keepMs: KEEP_CHANGES_MS, now: () => new Date(world.nowMs()) }),
    newToken: () => world.newToken(),
  };
  return { record, sweep, source, copy };
}

const unused: RulesLedger['publish'] = async () => Promise.reject(new Error('not part of the simulation'));

async function fromPostgres<T>(world: World, actor: Actor, effect: () => T): Promise<T> {
  return world.scheduler.perform({ actor, effect, lost: () => new LedgerUnavailable('no answer') });
}

async function fromRedis<T>(world: World, actor: Actor, effect: () => T | Promise<T>): Promise<T> {
  return world.scheduler.perform({ actor, effect, lost: () => new SpendStoreUnavailable('no answer') });
}

function createLedger(world: World, actor: Actor): Ledger {
  const { postgres } = world;
  const transact = async <T>(
    work: (transaction: { readonly xid: bigint; readonly timeline: number }) => T,
  ): Promise<T> => {
    let transaction = { xid: 0n, timeline: 0 };
    return world.scheduler.perform({
      actor,
      begin: () => {
        transaction = postgres.begin();
      },
      abandon: () => postgres.rollBack(transaction.xid),
      effect: () => work(transaction),
      lost: () => new LedgerUnavailable('no answer'),
    });
  };
  return {
    record: async (batch) =>
      transact((transaction) => postgres.record(transaction, batch, world.kafka.offsets())),
    adjust: async ({ adjustment }) =>
      transact((transaction) => postgres.adjust(transaction, adjustment, undefined)),
  };
}

function createSource(world: World, actor: Actor): CounterSource {
  const { postgres } = world;
  const ask = async <T>(effect: () => T): Promise<T> => fromPostgres(world, actor, effect);
  return {
    confirmEpoch: async () => ask(() => postgres.confirmEpoch(world.nowMs())),
    raiseEpoch: async () => Promise.reject(new Error('not part of the simulation')),
    snapshot: async () => ask(() => postgres.snapshot()),
    changedSince: async (of) => ask(() => postgres.changedSince(of, world.nowMs())),
    openPage: async (of) => ask(() => postgres.openPage(of, world.nowMs())),
    purgeChanges: async ({ below }) => ask(() => postgres.purgeChanges(below)),
  };
}

function createCopy(world: World, actor: Actor): CounterCopy {
  const { redis } = world;
  const ask = async <T>(effect: () => T | Promise<T>): Promise<T> => fromRedis(world, actor, effect);
  const apart = world.faults.marksApart === true;
  return {
    bucketCount: world.bucketCount,
    bucketOf: (subject) => world.bucketOf(subject),
    async put(epoch, counters) {
      const buckets = new Set(counters.map((counter) => world.bucketOf(counter.subject)));
      await Promise.all(
        [...buckets].map(async (bucket) => {
          const group = counters.filter((counter) => world.bucketOf(counter.subject) === bucket);
          return ask(() => redis.put(bucket, epoch, group));
        }),
      );
    },
    states: async () => ask(() => redis.states()),
    async putSwept(mark, counters) {
      if (!apart) return ask(() => redis.putSwept(mark, counters));
      await ask(() => redis.put(mark.bucket, mark.epoch, counters));
      return true;
    },
    advance: async ({ bucket, from, to, swept }) =>
      ask(() => redis.advance({ bucket, from, to, swept: apart ? null : swept })),
    async startBuild(mark, seen) {
      const begun = await ask(() => redis.startBuild(mark, seen));
      if (begun && world.faults.wholeFromTheStart === true) {
        const { epoch, cursor, rulesVersion } = world.postgres.snapshot();
        await ask(() => redis.finishBuild(mark, { epoch, cursor, rulesVersion }));
      }
      return begun;
    },
    async putBuilt(mark, counters) {
      if (!apart) return ask(() => redis.putBuilt(mark, counters));
      await ask(() => redis.put(mark.bucket, mark.epoch, counters));
      return ask(() => redis.putBuilt(mark, []));
    },
    finishBuild: async (mark, state) => ask(() => redis.finishBuild(mark, state)),
    prune: async () => Promise.resolve(),
    unlinkOldEpochs: async (epoch) =>
      ask(async () => {
        await redis.unlinkBelow(epoch);
        return true;
      }),
  };
}

function createRulesCopy(world: World, actor: Actor): RulesCopy {
  return {
    find: async () => fromRedis(world, actor, () => world.redis.rules()),
    put: async (rules, epoch) => fromRedis(world, actor, () => world.redis.putRules(rules, epoch ?? 0)),
  };
}

function publishedText(world: World): { readonly version: number; readonly text: string } {
  const version = world.postgres.view().rulesVersion;
  return { version, text: `rules ${version} of history ${world.postgres.timeline()}` };
}

/** A process keeps the rules it read until the ledger calls them stale. */
function createRules(world: World): RulesInForce {
  const read = (): ReturnType<RulesInForce['current']> => sampleRules(world.postgres.view().rulesVersion);
  let held = read();
  return {
    current: () => held,
    async refresh() {
      held = read();
      return Promise.resolve(held);
    },
  };
}
