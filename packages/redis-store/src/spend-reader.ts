import type { SpendReader, SpendReading } from '@spendgate/application';
import type { NanoUsd } from '@spendgate/domain';
import { createScript } from './bind-script.ts';
import { createBucketReader } from './bucket-reader.ts';
import type { AskedCounter, BucketAnswer } from './bucket-reader.ts';
import { bucketOf } from './counter-keys.ts';
import type { RedisClient } from './redis-client.ts';
import { fromRedisWithin } from './redis-failure.ts';

/**
 * Reads spend from one Redis or a cluster: one script call for each bucket concerned, in parallel, and a
 * second one only after an epoch ended. Age is judged by the clock of the node that holds the state, which
 * also wrote its time: no two clocks are compared, and it costs a microsecond in a call made anyway.
 */
export function createSpendReader(
  redis: RedisClient,
  of: { readonly counterBuckets: number; readonly stateMaxAgeMs: number },
): SpendReader {
  const script = createScript(redis, 'read-spend');
  const bucketCount = of.counterBuckets;
  const readers = Array.from({ length: bucketCount }, (_, bucket) =>
    createBucketReader({ script, bucket, bucketCount }),
  );
  return {
    async read({ subjects, timeoutMs }) {
      const parts = partsOf(subjects, bucketCount);
      const answers = Promise.all(parts.map(async (part) => readers[part.bucket]?.read(part.asked) ?? null));
      return toReading(await fromRedisWithin('read-spend', timeoutMs, answers), {
        parts,
        count: subjects.length,
        maxAgeMs: of.stateMaxAgeMs,
      });
    },
  };
}

/** The counters asked of one bucket, and where each stands in the whole question. */
interface Part {
  readonly bucket: number;
  readonly asked: readonly AskedCounter[];
  readonly places: readonly number[];
}

function partsOf(subjects: readonly AskedCounter[], bucketCount: number): readonly Part[] {
  const everyPlace = subjects.map((_, place) => place);
  if (bucketCount === 1 || subjects.length === 0) return [{ bucket: 0, asked: subjects, places: everyPlace }];
  const placesByBucket = Map.groupBy(everyPlace, (place) =>
    bucketOf(subjects[place]?.subject ?? '', bucketCount),
  );
  return [...placesByBucket].map(([bucket, places]) => ({
    bucket,
    places,
    asked: places.flatMap((place) => subjects[place] ?? []),
  }));
}

function toReading(
  answers: readonly BucketAnswer[],
  of: { readonly parts: readonly Part[]; readonly count: number; readonly maxAgeMs: number },
): SpendReading {
  const spentNanoUsd: (NanoUsd | null)[] = Array.from({ length: of.count }, () => null);
  let rulesVersion = Number.MAX_SAFE_INTEGER;
  let stale = false;
  for (const [index, answer] of answers.entries()) {
    if (answer === null) return { health: 'absent', rulesVersion: 0, spentNanoUsd: [] };
    for (const [at, place] of (of.parts[index]?.places ?? []).entries()) {
      spentNanoUsd[place] = answer.spentNanoUsd[at] ?? null;
    }
    rulesVersion = Math.min(rulesVersion, answer.rulesVersion);
    stale ||= answer.ageMs > of.maxAgeMs;
  }
  return { health: stale ? 'stale' : 'whole', rulesVersion, spentNanoUsd };
}
