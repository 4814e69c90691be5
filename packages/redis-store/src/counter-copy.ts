import type { BucketReading, CounterCopy, CounterValue } from '@spendgate/application';
import { SpendStoreUnavailable } from '@spendgate/domain';
import { z } from 'zod';
import { bindScript, createScript } from './bind-script.ts';
import { markText, parseBucketState } from './bucket-state.ts';
import { bucketOf, buildKey, counterField, counterKey, stateKey, sweepKey } from './counter-keys.ts';
import { chunks, groupByBucket, groupFields } from './counter-groups.ts';
import { inFlight } from './in-flight.ts';
import { createOldEpochs } from './old-epochs.ts';
import type { RedisClient } from './redis-client.ts';
import { fromRedis } from './redis-failure.ts';

/** About a millisecond of Redis' time a call, which other clients wait for. */
const COUNTERS_PER_CALL = 250;
const CALLS_IN_FLIGHT = 16;
const HDELS_IN_FLIGHT = 200;

const done = z.union([z.literal(0), z.literal(1)]).transform((reply) => reply === 1);
const written = z.int().min(-1);

/** The copy of the counters on one Redis or a cluster. Creates nothing in Redis. */
export function createCounterCopy(redis: RedisClient, of: { readonly counterBuckets: number }): CounterCopy {
  const bucketCount = of.counterBuckets;
  const putCounters = createPut(redis);
  const passes = createPasses(redis, bucketCount);
  const oldEpochs = createOldEpochs(redis);
  return {
    bucketCount,
    bucketOf: (subject) => bucketOf(subject, bucketCount),
    async put(epoch, counters) {
      const calls: (() => Promise<unknown>)[] = [];
      for (const [bucket, group] of groupByBucket(counters, bucketCount)) {
        for (const chunk of chunks(group, COUNTERS_PER_CALL)) {
          calls.push(async () => putCounters({ bucket, epoch, counters: chunk, pass: null }));
        }
      }
      await inFlight(calls, CALLS_IN_FLIGHT);
    },
    states: async () => readStates(redis, bucketCount),
    async putSwept(mark, counters) {
      const expected = mark.position === 1 ? '*' : markText({ ...mark, position: mark.position - 1 });
      const pass = { key: sweepKey(mark.bucket), expected, leave: markText(mark) };
      return (await putCounters({ bucket: mark.bucket, epoch: mark.epoch, counters, pass })) >= 0;
    },
    async putBuilt(mark, counters) {
      const expected = markText({ ...mark, position: mark.position - 1 });
      const pass = { key: buildKey(mark.bucket), expected, leave: markText(mark) };
      return (await putCounters({ bucket: mark.bucket, epoch: mark.epoch, counters, pass })) >= 0;
    },
    ...passes,
    async prune(epoch, fields) {
      const calls = groupFields(fields, { epoch, bucketCount }).map(
        ([key, names]) =>
          async () =>
            fromRedis('prune', redis.hdel(key, ...names)),
      );
      await inFlight(calls, HDELS_IN_FLIGHT);
    },
    unlinkOldEpochs: async (epoch) => oldEpochs.unlinkBelow(epoch),
  };
}

type Put = (of: {
  readonly bucket: number;
  readonly epoch: number;
  readonly counters: readonly CounterValue[];
  readonly pass: { readonly key: string; readonly expected: string; readonly leave: string } | null;
}) => Promise<number>;

/** One call writes many counters of a bucket: at one call a counter, Node and Redis each pay several times more. */
function createPut(redis: RedisClient): Put {
  const script = createScript(redis, 'put-counters');
  return async ({ bucket, epoch, counters, pass }) => {
    const keys = [stateKey(bucket), pass?.key ?? stateKey(bucket)];
    const args = [String(epoch), pass?.expected ?? '', pass?.leave ?? ''];
    for (const counter of counters) {
      keys.push(counterKey({ bucket, epoch, subject: counter.subject }));
      args.push(counterField(counter), String(counter.version), counter.spentNanoUsd.toString());
    }
    return written.parse(await script(keys, args));
  };
}

function createPasses(
  redis: RedisClient,
  bucketCount: number,
): Pick<CounterCopy, 'advance' | 'startBuild' | 'finishBuild'> {
  const advanceState = bindScript(redis, {
    file: 'advance-state',
    keys: ['state', 'sweep'],
    args: ['fromEpoch', 'fromCursor', 'buckets', 'mark', 'epoch', 'cursor', 'rulesVersion'],
    reply: done,
  });
  const startBuild = bindScript(redis, {
    file: 'start-build',
    keys: ['state', 'build'],
    args: ['seenEpoch', 'seenCursor', 'buckets', 'mark'],
    reply: done,
  });
  const finishBuild = bindScript(redis, {
    file: 'finish-build',
    keys: ['state', 'build'],
    args: ['mark', 'epoch', 'cursor', 'rulesVersion', 'buckets'],
    reply: done,
  });
  return {
    advance: async ({ bucket, from, to, swept }) =>
      advanceState(
        { state: stateKey(bucket), sweep: sweepKey(bucket) },
        {
          fromEpoch: from.epoch,
          fromCursor: from.cursor.toString(),
          buckets: bucketCount,
          mark: swept === null ? '' : markText(swept),
          epoch: to.epoch,
          cursor: to.cursor.toString(),
          rulesVersion: to.rulesVersion,
        },
      ),
    startBuild: async (mark, seen) =>
      startBuild(
        { state: stateKey(mark.bucket), build: buildKey(mark.bucket) },
        {
          seenEpoch: seen?.epoch ?? '',
          seenCursor: seen?.cursor.toString() ?? '',
          buckets: bucketCount,
          mark: markText(mark),
        },
      ),
    finishBuild: async (mark, state) =>
      finishBuild(
        { state: stateKey(mark.bucket), build: buildKey(mark.bucket) },
        {
          mark: markText(mark),
          epoch: state.epoch,
          cursor: state.cursor.toString(),
          rulesVersion: state.rulesVersion,
          buckets: bucketCount,
        },
      ),
  };
}

async function readStates(redis: RedisClient, bucketCount: number): Promise<readonly BucketReading[]> {
  const replies = await Promise.allSettled(
    Array.from({ length: bucketCount }, async (_, bucket) =>
      fromRedis('states', redis.get(stateKey(bucket))),
    ),
  );
  let failure: unknown;
  const readings = replies.map((reply): BucketReading => {
    if (reply.status === 'fulfilled') return parseBucketState(reply.value, bucketCount);
    if (!(reply.reason instanceof SpendStoreUnavailable)) throw reply.reason;
    failure = reply.reason;
    return 'unreachable';
  });
  if (failure !== undefined && readings.every((reading) => reading === 'unreachable')) throw failure;
  return readings;
}
