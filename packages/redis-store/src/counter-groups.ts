import type { CounterValue } from '@spendgate/application';
import type { SubjectKey } from '@spendgate/domain';
import { bucketOf, counterField, counterKey } from './counter-keys.ts';

/** Counters by their bucket, in the order given. */
export function groupByBucket(
  counters: readonly CounterValue[],
  bucketCount: number,
): ReadonlyMap<number, readonly CounterValue[]> {
  if (bucketCount === 1) return counters.length === 0 ? new Map() : new Map([[0, counters]]);
  const groups = new Map<number, CounterValue[]>();
  for (const counter of counters) {
    const bucket = bucketOf(counter.subject, bucketCount);
    const group = groups.get(bucket);
    if (group === undefined) groups.set(bucket, [counter]);
    else group.push(counter);
  }
  return groups;
}

/** Fields by the key of their subject's hash. */
export function groupFields(
  fields: readonly { readonly subject: SubjectKey; readonly period: string; readonly stripe: number }[],
  of: { readonly epoch: number; readonly bucketCount: number },
): readonly (readonly [string, readonly string[]])[] {
  const groups = new Map<string, string[]>();
  for (const field of fields) {
    const bucket = bucketOf(field.subject, of.bucketCount);
    const key = counterKey({ bucket, epoch: of.epoch, subject: field.subject });
    const names = groups.get(key);
    if (names === undefined) groups.set(key, [counterField(field)]);
    else names.push(counterField(field));
  }
  return [...groups];
}

/** `items` in pieces of at most `size`. */
export function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  if (items.length <= size) return items.length === 0 ? [] : [items];
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
