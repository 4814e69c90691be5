import { STRIPE_COUNT, isStriped } from '@spendgate/application';
import type {
  AdjustmentResult,
  CounterKey,
  CounterValue,
  EventOutcome,
  LedgerResult,
} from '@spendgate/application';
import type { Adjustment, LedgerBatch } from '@spendgate/application';
import { LedgerUnavailable, StaleRules } from '@spendgate/domain';
import type { Charge } from '@spendgate/domain';

export interface LedgerRow {
  readonly id: string;
  readonly amount: bigint;
  readonly charges: readonly Charge[];
  readonly stripe: number;
}

/** What a commit makes durable, and what going back restores. */
interface Durable {
  readonly eventIds: ReadonlyMap<string, bigint>;
  readonly ledger: readonly LedgerRow[];
  readonly counters: ReadonlyMap<string, CounterValue>;
  readonly changes: readonly { readonly xid: bigint; readonly subjects: readonly string[] }[];
  readonly nextXid: bigint;
  readonly changesFrom: bigint;
  readonly epoch: number;
  readonly confirmedTimeline: number;
  readonly rulesVersion: number;
}

/** Faults of the protocol itself, to show that the simulation sees them. */
export interface PostgresFaults {
  readonly keepsDuplicates?: boolean;
  readonly cursorIsNextXid?: boolean;
  readonly neverRaisesEpoch?: boolean;
  readonly forgetsPurges?: boolean;
}

export type SimulatedPostgres = ReturnType<typeof createSimulatedPostgres>;

/** PostgreSQL as the protocol sees it: commits in any order, snapshots by xid, and histories that end. */
export function createSimulatedPostgres(nowUs: () => number, faults: PostgresFaults) {
  let now: Durable = {
    eventIds: new Map(),
    ledger: [],
    counters: new Map(),
    changes: [],
    nextXid: 3n,
    changesFrom: 0n,
    epoch: 0,
    confirmedTimeline: 0,
    rulesVersion: 1,
  };
  let timeline = 1;
  const running = new Set<bigint>();
  const history: { readonly state: Durable; readonly note: unknown }[] = [];

  const commit = (next: Partial<Durable>, note: unknown): void => {
    now = { ...now, ...next };
    history.push({ state: now, note });
  };
  const xmin = (): bigint => [...running].reduce((least, xid) => (xid < least ? xid : least), now.nextXid);

  const apply = (rows: readonly LedgerRow[], xid: bigint): Pick<Durable, 'counters' | 'changes'> => {
    const counters = new Map(now.counters);
    const subjects = new Set<string>();
    for (const row of rows) {
      for (const charge of row.charges) {
        const stripe = isStriped(charge.subject) ? row.stripe % STRIPE_COUNT : 0;
        const key = counterName({ ...charge, stripe });
        const held = counters.get(key);
        const version = Math.max((held?.version ?? 0) + 1, nowUs());
        const spentNanoUsd = (held?.spentNanoUsd ?? 0n) + row.amount;
        counters.set(key, { ...charge, stripe, version, spentNanoUsd });
        subjects.add(charge.subject);
      }
    }
    const changes = subjects.size === 0 ? now.changes : [...now.changes, { xid, subjects: [...subjects] }];
    return { counters, changes };
  };
  const countersOf = (charges: readonly Charge[]): readonly CounterValue[] => {
    const wanted = new Set(charges.map((charge) => `${charge.subject} ${charge.period}`));
    return [...now.counters.values()].filter((row) => wanted.has(`${row.subject} ${row.period}`));
  };
  const open = (atMs: number): readonly CounterValue[] =>
    [...now.counters.values()]
      .filter((row) => row.periodEnd === null || row.periodEnd.getTime() > atMs)
      .toSorted((left, right) => compareKeys(left, right));

  return {
    /** The transaction begins: it holds its xid, and so the horizon, until it ends. */
    begin(): { readonly xid: bigint; readonly timeline: number } {
      const xid = now.nextXid;
      now = { ...now, nextXid: xid + 1n };
      running.add(xid);
      return { xid, timeline };
    },
    rollBack(xid: bigint): void {
      running.delete(xid);
    },
    record(
      transaction: { readonly xid: bigint; readonly timeline: number },
      batch: LedgerBatch,
      note: unknown,
    ): LedgerResult {
      assertSameServer(transaction.timeline, timeline);
      running.delete(transaction.xid);
      if (batch.rulesVersion !== now.rulesVersion) throw new StaleRules('other rules are published');
      const eventIds = new Map(now.eventIds);
      const rows: LedgerRow[] = [];
      const outcomes = batch.events.map(({ event, charges }): EventOutcome => {
        const known = eventIds.get(event.id);
        if (known !== undefined && faults.keepsDuplicates !== true) {
          return known === event.fingerprint ? 'duplicate' : 'id_conflict';
        }
        eventIds.set(event.id, event.fingerprint);
        rows.push({ id: event.id, amount: event.costNanoUsd, charges, stripe: batch.stripe });
        return 'recorded';
      });
      commit({ eventIds, ledger: [...now.ledger, ...rows], ...apply(rows, transaction.xid) }, note);
      return {
        epoch: now.epoch,
        outcomes,
        counters: countersOf(batch.events.flatMap(({ charges }) => charges)),
      };
    },
    adjust(
      transaction: { readonly xid: bigint; readonly timeline: number },
      adjustment: Adjustment,
      note: unknown,
    ): AdjustmentResult {
      assertSameServer(transaction.timeline, timeline);
      running.delete(transaction.xid);
      const known = now.ledger.some((row) => row.id === adjustment.id);
      if (!known) {
        const row = {
          id: adjustment.id,
          amount: adjustment.amountNanoUsd,
          charges: adjustment.charges,
          stripe: 0,
        };
        commit({ ledger: [...now.ledger, row], ...apply([row], transaction.xid) }, note);
      }
      return {
        epoch: now.epoch,
        outcome: known ? 'duplicate' : 'recorded',
        counters: countersOf(adjustment.charges),
      };
    },
    confirmEpoch(atMs: number): number {
      if (now.confirmedTimeline !== timeline) {
        const keeps = now.epoch > 0 && faults.neverRaisesEpoch === true;
        const epoch = keeps ? now.epoch : Math.max(now.epoch + 1, atMs);
        commit({ epoch, confirmedTimeline: timeline }, undefined);
      }
      return now.epoch;
    },
    raiseEpoch(atMs: number): void {
      if (now.epoch > 0) commit({ epoch: Math.max(now.epoch + 1, atMs) }, undefined);
    },
    /** Takes the exclusive lock, so it waits for nobody only when nothing is counting. */
    publish(): boolean {
      if (running.size > 0) return false;
      commit({ rulesVersion: now.rulesVersion + 1, nextXid: now.nextXid + 1n }, undefined);
      return true;
    },
    snapshot: () => ({
      epoch: now.epoch,
      cursor: faults.cursorIsNextXid === true ? now.nextXid : xmin(),
      rulesVersion: now.rulesVersion,
      changesFrom: faults.forgetsPurges === true ? 0n : now.changesFrom,
    }),
    changedSince(
      of: { readonly cursor: bigint; readonly after: CounterKey | null; readonly limit: number },
      atMs: number,
    ) {
      const subjects = new Set(
        now.changes.filter((change) => change.xid >= of.cursor).flatMap((change) => change.subjects),
      );
      return pageOf(
        open(atMs).filter((row) => subjects.has(row.subject)),
        of,
      );
    },
    openPage: (of: { readonly after: CounterKey | null; readonly limit: number }, atMs: number) =>
      pageOf(open(atMs), of),
    purgeChanges(below: bigint): number {
      const changes = now.changes.filter((change) => change.xid >= below);
      const gone = now.changes.length - changes.length;
      commit({ changes, changesFrom: below > now.changesFrom ? below : now.changesFrom }, undefined);
      return gone;
    },
    /** A failover or restore that lost the newest commits: another history, which gives the same xids out again. */
    goBack(commits: number): unknown {
      const left = Math.max(0, history.length - 1 - commits);
      const target = history[left];
      if (target === undefined) return undefined;
      history.length = left + 1;
      now = target.state;
      running.clear();
      timeline += 1;
      // The last commit that carried a note tells how far its writer had come.
      return history.findLast((entry) => entry.note !== undefined)?.note ?? null;
    },
    open,
    view: () => now,
    timeline: () => timeline,
  };
}

/** @throws LedgerUnavailable for a transaction of a server that is gone */
function assertSameServer(begun: number, timeline: number): void {
  if (begun !== timeline) throw new LedgerUnavailable('the server went away');
}

function pageOf(
  rows: readonly CounterValue[],
  of: { readonly after: CounterKey | null; readonly limit: number },
): readonly CounterValue[] {
  const { after } = of;
  return rows.filter((row) => after === null || compareKeys(row, after) > 0).slice(0, of.limit);
}

function compareKeys(left: CounterKey, right: CounterKey): number {
  if (left.subject !== right.subject) return left.subject < right.subject ? -1 : 1;
  if (left.period !== right.period) return left.period < right.period ? -1 : 1;
  return left.stripe - right.stripe;
}

export function counterName(of: CounterKey): string {
  return `${of.subject} ${of.period} ${of.stripe}`;
}
