import type { CounterValue } from '@spendgate/application';
import type { LedgerRow } from './simulated-postgres.ts';
import type { World } from './world.ts';

/**
 * What a counter must be: nothing but the sum of what the ledger's rows say of it.
 * The model that everything is compared with.
 */
export function modelCounters(rows: readonly LedgerRow[]): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const row of rows) {
    for (const { subject, period } of row.charges) {
      sums.set(`${subject} ${period}`, (sums.get(`${subject} ${period}`) ?? 0n) + row.amount);
    }
  }
  return sums;
}

/** At any instant the counters are the sums of the ledger, and no id is in it twice. */
export function checkCounters(world: World): void {
  const { counters, ledger } = world.postgres.view();
  if (new Set(ledger.map((row) => row.id)).size !== ledger.length)
    world.violation('an event is in the ledger twice');
  compareSums(world, {
    what: 'counters',
    expected: modelCounters(ledger),
    found: sumStripes([...counters.values()]),
  });
}

/**
 * At any instant: where a bucket says that it is whole, each open counter that differs from PostgreSQL is
 * owed, that is named by a change at or after the bucket's cursor, or by the purge that a sweep will see.
 * Not so from the moment PostgreSQL goes back until the next sweep finds out.
 */
export async function checkOwed(world: World): Promise<void> {
  const { changes, changesFrom, confirmedTimeline, epoch } = world.postgres.view();
  if (confirmedTimeline !== world.postgres.timeline()) return;
  const open = world.postgres.open(world.nowMs());
  for (let bucket = 0; bucket < world.bucketCount; bucket += 1) {
    const state = await world.redis.state(bucket);
    if (state === null || state.epoch !== epoch || state.cursor < changesFrom) continue;
    const owed = new Set(
      changes.filter((change) => change.xid >= state.cursor).flatMap((change) => change.subjects),
    );
    for (const row of open) {
      if (world.bucketOf(row.subject) !== bucket || owed.has(row.subject)) continue;
      const spent = await world.redis.spent(bucket, epoch, row);
      if ((spent ?? 0n) !== row.spentNanoUsd) {
        world.violation(
          `${row.subject}/${row.stripe} is whole with ${spent}, not ${row.spentNanoUsd}, and not owed`,
        );
      }
    }
  }
}

/** After things settled: all that was acknowledged counts once, and Redis holds it. */
export async function checkSettled(world: World): Promise<void> {
  checkCounters(world);
  const { epoch, eventIds, ledger } = world.postgres.view();
  for (const id of world.acknowledged) {
    if (!eventIds.has(id)) world.violation(`${id} was acknowledged and is lost`);
  }
  const open = world.postgres.open(world.nowMs());
  const copied: CounterValue[] = [];
  for (const row of open) {
    const bucket = world.bucketOf(row.subject);
    const state = await world.redis.state(bucket);
    if (state?.epoch !== epoch) world.violation(`bucket ${bucket} is not whole after things settled`);
    copied.push({ ...row, spentNanoUsd: (await world.redis.spent(bucket, epoch, row)) ?? 0n });
  }
  const expected = new Map(
    [...modelCounters(ledger)].filter(([name]) =>
      open.some((row) => `${row.subject} ${row.period}` === name),
    ),
  );
  compareSums(world, { what: 'the copy', expected, found: sumStripes(copied) });
}

function sumStripes(rows: readonly CounterValue[]): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const row of rows) {
    const name = `${row.subject} ${row.period}`;
    sums.set(name, (sums.get(name) ?? 0n) + row.spentNanoUsd);
  }
  return sums;
}

function compareSums(
  world: World,
  of: {
    readonly what: string;
    readonly expected: ReadonlyMap<string, bigint>;
    readonly found: ReadonlyMap<string, bigint>;
  },
): void {
  for (const name of new Set([...of.expected.keys(), ...of.found.keys()])) {
    const expected = of.expected.get(name) ?? 0n;
    const found = of.found.get(name) ?? 0n;
    if (expected !== found) world.violation(`${of.what}: ${name} is ${found}, not ${expected}`);
  }
}
