import { crc32 } from 'node:zlib';
import type { SubjectKey } from '@spendgate/domain';

/** The rules, and the channel on which their new versions are told. */
export const RULES_KEY = 'sg:rules';
export const RULES_CHANNEL = 'sg:rules';

/** Matches the counters' keys of all buckets and epochs. */
export const COUNTER_KEYS_PATTERN = 'sg:{b*}:e*';

/** The bucket of a subject. Part of the stored format: another choice is another epoch. */
export function bucketOf(subject: SubjectKey, bucketCount: number): number {
  return bucketCount === 1 ? 0 : crc32(subject) % bucketCount;
}

/** What `bucket` says of itself. */
export function stateKey(bucket: number): string {
  return `sg:{b${bucket}}:state`;
}

/** How far the build that runs over `bucket` got. */
export function buildKey(bucket: number): string {
  return `sg:{b${bucket}}:build`;
}

/** How far the sweep that runs over `bucket` got. */
export function sweepKey(bucket: number): string {
  return `sg:{b${bucket}}:sweep`;
}

/** The hash with a subject's counters, a field each. */
export function counterKey(of: {
  readonly bucket: number;
  readonly epoch: number;
  readonly subject: SubjectKey;
}): string {
  return `sg:{b${of.bucket}}:e${of.epoch}:${of.subject}`;
}

/** A counter's field; stripe 0, the only one that customers have, goes without a number. */
export function counterField(of: { readonly period: string; readonly stripe: number }): string {
  return of.stripe === 0 ? of.period : `${of.period}/${of.stripe}`;
}

/** The epoch of a counter's key; undefined for any other key. */
export function epochOfKey(key: string): number | undefined {
  const epoch = /^sg:\{b\d+\}:e(\d+):/u.exec(key)?.[1];
  return epoch === undefined ? undefined : Number(epoch);
}

/** Where each admitted customer of one key is noted. */
export function newCustomersKey(key: string): string {
  return `sg:new:{${key}}`;
}
