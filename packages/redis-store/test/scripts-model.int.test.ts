import type { BucketState, PassMark } from '@spendgate/application';
import { createCounterCopy, createNewCustomerGate, createSpendReader } from '@spendgate/redis-store';
import { redisTest } from '@spendgate/testkit';
import fc from 'fast-check';
import { expect } from 'vitest';
import { EPOCH, counter, makeWhole, mark } from './sample-counters.ts';

type Held = Pick<BucketState, 'epoch' | 'cursor'>;
type Mark = Omit<PassMark, 'bucket'>;

const epochs = fc.constantFrom(EPOCH, EPOCH + 1);
/** The cursors are the same number once they went through a double. */
const held = fc.record({ epoch: epochs, cursor: fc.constantFrom(2n ** 62n, 2n ** 62n + 1n) });
const marks: fc.Arbitrary<Mark> = fc.record({
  epoch: epochs,
  token: fc.constantFrom('a', 'b'),
  position: fc.integer({ min: 1, max: 3 }),
});
/** How a call names what is held: as it is, with another cursor or position, or anyhow. */
const fits = fc.constantFrom('exact' as const, 'exact' as const, 'near' as const, 'random' as const);
const steps = fc.oneof(
  fc.record({ call: fc.constant('put' as const), fit: fits, epoch: epochs }),
  fc.record({ call: fc.constant('startBuild' as const), fit: fits, mark: marks, seen: fc.option(held) }),
  fc.record({ call: fc.constant('putBuilt' as const), fit: fits, mark: marks }),
  fc.record({ call: fc.constant('finishBuild' as const), fit: fits, mark: marks, to: held }),
  fc.record({ call: fc.constant('putSwept' as const), fit: fits, mark: marks }),
  fc.record({
    call: fc.constant('advance' as const),
    fit: fits,
    from: held,
    to: held,
    swept: fc.option(marks, { freq: 1 }),
  }),
);
type Step = typeof steps extends fc.Arbitrary<infer One> ? One : never;
interface Bucket {
  state: Held | null;
  build: Mark | null;
  sweep: Mark | null;
}

const isSameState = (one: Held | null, other: Held | null): boolean =>
  one?.epoch === other?.epoch && one?.cursor === other?.cursor;
const isAt = (one: Mark | null, other: Mark): boolean =>
  one?.epoch === other.epoch && one.token === other.token && one.position === other.position;
const before = (one: Mark): Mark => ({ ...one, position: one.position - 1 });

/** The step with what it names taken from what is held, so that passes get anywhere. */
function fitted(step: Step, { state, build, sweep }: Bucket): Step {
  if (step.fit === 'random' || step.call === 'put') return step;
  const isNear = step.fit === 'near';
  const likeState = (given: Held | null): Held | null =>
    isNear && state !== null && given !== null ? { ...state, cursor: given.cursor } : state;
  const likeMark = (given: Mark, known: Mark | null, ahead: number): Mark => {
    if (known === null) return { ...given, position: ahead };
    return { ...known, position: isNear ? given.position : known.position + ahead };
  };
  switch (step.call) {
    case 'startBuild':
      return { ...step, seen: likeState(step.seen) };
    case 'putBuilt':
      return { ...step, mark: likeMark(step.mark, build, 1) };
    case 'finishBuild':
      return { ...step, mark: likeMark(step.mark, build, 0) };
    case 'putSwept':
      return { ...step, mark: likeMark(step.mark, sweep, 1) };
    case 'advance':
      return {
        ...step,
        from: likeState(step.from) ?? step.from,
        swept: step.swept === null ? null : likeMark(step.swept, sweep, 0),
      };
    default:
      return step satisfies never;
  }
}

/** What the scripts promise of one bucket's state and marks, without Redis. */
function createModel() {
  const bucket: Bucket = { state: null, build: null, sweep: null };
  const countInto = (epoch: number): void => {
    if (bucket.state !== null && bucket.state.epoch < epoch) bucket.state = null;
  };
  const take = (step: Step): boolean => {
    switch (step.call) {
      case 'put':
        countInto(step.epoch);
        return true;
      case 'startBuild':
        if (bucket.state !== null && !isSameState(bucket.state, step.seen)) return false;
        bucket.state = null;
        bucket.build = { ...step.mark, position: 0 };
        return true;
      case 'putBuilt':
        if (!isAt(bucket.build, before(step.mark))) return false;
        countInto(step.mark.epoch);
        bucket.build = step.mark;
        return true;
      case 'finishBuild':
        if (!isAt(bucket.build, step.mark)) return false;
        bucket.state = step.to;
        bucket.build = null;
        return true;
      case 'putSwept':
        if (step.mark.position > 1 && !isAt(bucket.sweep, before(step.mark))) return false;
        countInto(step.mark.epoch);
        bucket.sweep = step.mark;
        return true;
      case 'advance':
        if (bucket.state === null || !isSameState(bucket.state, step.from)) return false;
        if (step.swept !== null && !isAt(bucket.sweep, step.swept)) return false;
        bucket.state = step.to;
        if (step.swept !== null) bucket.sweep = null;
        return true;
      default:
        return step satisfies never;
    }
  };
  return { bucket, take };
}

redisTest(
  'states and marks follow a model, in whatever order passes begin, go on and end',
  async ({ redis }) => {
    const copy = createCounterCopy(redis, { counterBuckets: 1 });
    const whole = (of: Held): BucketState => ({ ...of, rulesVersion: 1, at: new Date(0) });
    const run = async (step: Step): Promise<boolean> => {
      switch (step.call) {
        case 'put':
          await copy.put(step.epoch, [counter()]);
          return true;
        case 'startBuild':
          return copy.startBuild(
            mark({ ...step.mark, position: 0 }),
            step.seen === null ? null : whole(step.seen),
          );
        case 'putBuilt':
          return copy.putBuilt(mark(step.mark), [counter()]);
        case 'finishBuild':
          return copy.finishBuild(mark(step.mark), { ...step.to, rulesVersion: 1 });
        case 'putSwept':
          return copy.putSwept(mark(step.mark), [counter()]);
        case 'advance':
          return copy.advance({
            bucket: 0,
            from: whole(step.from),
            to: { ...step.to, rulesVersion: 1 },
            swept: step.swept === null ? null : mark(step.swept),
          });
        default:
          return step satisfies never;
      }
    };
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (all) => {
        await redis.flushdb();
        const model = createModel();
        for (const drawn of all) {
          const step = fitted(drawn, model.bucket);
          const expected = model.take(step);
          if (expected && step.call !== 'put') taken += 1;
          expect(await run(step)).toBe(expected);
          const [state] = await copy.states();
          expect(state).toEqual(
            model.bucket.state === null ? null : expect.objectContaining(model.bucket.state),
          );
        }
      }),
      { numRuns: 400 },
    );
    expect(taken).toBeGreaterThan(100);
  },
);

redisTest('a reader adds up the stripes of each subject, like a model', async ({ redis }) => {
  const copy = createCounterCopy(redis, { counterBuckets: 4 });
  const reader = createSpendReader(redis, { counterBuckets: 4, stateMaxAgeMs: 60_000 });
  for (const bucket of [0, 1, 2, 3]) await makeWhole(copy, { bucket });
  const subjects = ['customer:ann', 'customer:ben', 'global:proxy', 'team:red'];
  const amount = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 17n });
  const stored = fc.uniqueArray(
    fc.record({
      subject: fc.constantFrom(...subjects),
      stripe: fc.integer({ min: 0, max: 7 }),
      spentNanoUsd: amount,
    }),
    { selector: ({ subject, stripe }) => `${subject} ${stripe}`, maxLength: 20 },
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(stored, async (rows) => {
      run += 1;
      const period = `${run}-${run + 1}`;
      const counters = rows.map((row) =>
        counter({
          ...row,
          period,
          stripe: row.subject.startsWith('customer:') ? 0 : row.stripe,
          version: row.stripe + 1,
        }),
      );
      await copy.put(EPOCH, counters);
      const { health, spentNanoUsd } = await reader.read({
        subjects: subjects.map((subject) => ({ subject, period })),
        timeoutMs: 5_000,
      });
      const expected = subjects.map((subject) => {
        const own = counters
          .filter((row) => row.subject === subject)
          .toSorted((a, b) => b.version - a.version);
        const counted = subject.startsWith('customer:') ? own.slice(0, 1) : own;
        return counted.length === 0 ? null : counted.reduce((sum, row) => sum + row.spentNanoUsd, 0n);
      });
      expect({ health, spentNanoUsd }).toEqual({ health: 'whole', spentNanoUsd: expected });
    }),
    { numRuns: 100 },
  );
});

redisTest('the gate admits like a set that never grows beyond the limit', async ({ redis }) => {
  const gate = createNewCustomerGate(redis);
  const calls = fc.array(
    fc.record({
      key: fc.constantFrom('one', 'two'),
      customer: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    }),
    {
      maxLength: 30,
    },
  );
  await fc.assert(
    fc.asyncProperty(calls, fc.integer({ min: 1, max: 4 }), async (all, limit) => {
      await redis.flushdb();
      const admitted = new Set<string>();
      for (const { key, customer } of all) {
        const ofKey = [...admitted].filter((name) => name.startsWith(key)).length;
        const isAdmitted = admitted.has(key + customer) || ofKey < limit;
        if (isAdmitted) admitted.add(key + customer);
        expect(await gate.admit({ key, customer, limit, at: new Date(), timeoutMs: 5_000 })).toBe(isAdmitted);
      }
    }),
    { numRuns: 60 },
  );
});
