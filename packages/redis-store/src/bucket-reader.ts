import { STRIPE_COUNT, isStriped } from '@spendgate/application';
import type { NanoUsd, SubjectKey } from '@spendgate/domain';
import type { Script } from './bind-script.ts';
import { counterKey, stateKey } from './counter-keys.ts';
import { parseSpendReply } from './spend-reply.ts';
import type { SpendReply } from './spend-reply.ts';

export interface AskedCounter {
  readonly subject: SubjectKey;
  readonly period: string;
}

/** A bucket's answer; null when its state is absent or the copy cannot be made sense of. */
export type BucketAnswer = {
  readonly rulesVersion: number;
  readonly ageMs: number;
  readonly spentNanoUsd: readonly (NanoUsd | null)[];
} | null;

export interface BucketReader {
  read(asked: readonly AskedCounter[]): Promise<BucketAnswer>;
}

/** About 0.2 ms of Redis' time a call. */
const COUNTERS_PER_CALL = 128;

interface Call {
  readonly epoch: number;
  readonly keys: string[];
  readonly args: string[];
  readonly places: Map<string, number>;
  readonly reply: PromiseWithResolvers<SpendReply>;
}

/**
 * Reads counters of one bucket. Reads that begin in the same turn of the event loop share one call, and
 * a counter that several of them ask for is read once.
 */
export function createBucketReader(of: {
  readonly script: Script;
  readonly bucket: number;
  readonly bucketCount: number;
}): BucketReader {
  /** That of the last state seen: keys are named by it before the state is known. */
  let epoch = 0;
  let gathering: Call | null = null;

  const send = (call: Call): void => {
    if (gathering === call) gathering = null;
    of.script(call.keys, call.args).then(
      (reply) => call.reply.resolve(parseSpendReply(reply, of.bucketCount)),
      (error: unknown) => call.reply.reject(error),
    );
  };
  const callWithRoom = (): Call => {
    if (gathering !== null) return gathering;
    const call: Call = {
      epoch,
      keys: [stateKey(of.bucket)],
      args: [],
      places: new Map(),
      reply: Promise.withResolvers(),
    };
    gathering = call;
    setImmediate(() => {
      if (gathering === call) send(call);
    });
    return call;
  };
  const readOnce = async (asked: readonly AskedCounter[]): Promise<BucketAnswer | 'other epoch'> => {
    const call = callWithRoom();
    const places = asked.map((counter) => placeOf(call, counter, of.bucket));
    if (call.places.size >= COUNTERS_PER_CALL) send(call);
    const reply = await call.reply.promise;
    if (reply.state === null) return null;
    epoch = reply.state.epoch;
    return epoch === call.epoch ? toAnswer(reply, reply.state.rulesVersion, places) : 'other epoch';
  };
  return {
    async read(asked) {
      const first = await readOnce(asked);
      if (first !== 'other epoch') return first;
      const second = await readOnce(asked);
      return second === 'other epoch' ? null : second;
    },
  };
}

function placeOf(call: Call, counter: AskedCounter, bucket: number): number {
  const name = `${counter.period} ${counter.subject}`;
  const known = call.places.get(name);
  if (known !== undefined) return known;
  const place = call.places.size;
  call.places.set(name, place);
  call.keys.push(counterKey({ bucket, epoch: call.epoch, subject: counter.subject }));
  call.args.push(counter.period, isStriped(counter.subject) ? String(STRIPE_COUNT) : '1');
  return place;
}

function toAnswer(reply: SpendReply, rulesVersion: number, places: readonly number[]): BucketAnswer {
  const spentNanoUsd: (NanoUsd | null)[] = [];
  for (const place of places) {
    const spent = reply.spent(place);
    if (spent === undefined) return null;
    spentNanoUsd.push(spent);
  }
  return { rulesVersion, ageMs: reply.ageMs, spentNanoUsd };
}
