import type { BucketState, PassMark } from '@spendgate/application';

const STATE = /^(\d{1,16}) (\d{1,20}) (\d{1,16}) (\d{1,6}) (\d{1,16})$/u;

/**
 * Reads a state's text, "epoch cursor rules buckets at". Null when there is none, when it is malformed, and
 * when it was written for another number of buckets: then subjects lie elsewhere.
 */
export function parseBucketState(text: string | null, bucketCount: number): BucketState | null {
  const [, epoch, cursor, rulesVersion, buckets, at] = STATE.exec(text ?? '') ?? [];
  if (cursor === undefined || Number(buckets) !== bucketCount) return null;
  return {
    epoch: Number(epoch),
    cursor: BigInt(cursor),
    rulesVersion: Number(rulesVersion),
    at: new Date(Number(at)),
  };
}

/** A mark as it stands in Redis; compared as text only. */
export function markText(mark: PassMark): string {
  return `${mark.epoch} ${mark.token} ${mark.position}`;
}
