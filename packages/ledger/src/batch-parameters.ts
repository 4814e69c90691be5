import type { LedgerBatch } from '@spendgate/application';
import type { AttributedEvent, SpendEvent } from '@spendgate/domain';
import { bigintArray, integerArray, textArray, timestampArray } from './array-parameter.ts';
import type { ChargeSums } from './charge-sums.ts';
import type { Parameter } from './session-pool.ts';

const FLAG = { clockAhead: 1, failed: 2, cacheHit: 4, unpriced: 8 } as const;

/** The parameters of spendgate.record_batch, in its order. */
export function toBatchParameters(batch: LedgerBatch, charges: ChargeSums): readonly Parameter[] {
  const { sums } = charges;
  return [
    batch.rulesVersion,
    ...eventParameters(batch.events),
    textArray(sums.map((sum) => sum.subject)),
    textArray(sums.map((sum) => sum.period)),
    timestampArray(sums.map((sum) => sum.periodEnd)),
    integerArray(sums.map((sum) => sum.stripe)),
    bigintArray(sums.map((sum) => sum.amountNanoUsd)),
    // Literals: the database reads them only when some of the events are not new.
    `{${charges.events.join(',')}}`,
    `{${charges.counters.join(',')}}`,
  ];
}

function eventParameters(attributed: readonly AttributedEvent[]): readonly Parameter[] {
  const events = attributed.map(({ event }) => event);
  const text = (column: (event: SpendEvent) => string | null): Buffer | null => textArray(events.map(column));
  const who = (column: (event: AttributedEvent) => string | null): Buffer | null =>
    textArray(attributed.map(column));
  return [
    text((event) => event.id),
    bigintArray(events.map((event) => event.fingerprint)),
    timestampArray(events.map((event) => event.startedAt)),
    timestampArray(events.map((event) => event.endedAt)),
    bigintArray(events.map((event) => event.costNanoUsd)),
    bigintArray(events.map((event) => BigInt(event.promptTokens))),
    bigintArray(events.map((event) => BigInt(event.completionTokens))),
    integerArray(events.map(flagsOf)),
    text((event) => event.callId),
    who((event) => event.base),
    who((event) => event.identity),
    who((event) => event.category),
    text((event) => event.endUser),
    text((event) => event.keyHash),
    text((event) => event.keyAlias),
    text((event) => event.teamId),
    text((event) => event.userId),
    text((event) => event.organisationId),
    text((event) => event.modelGroup),
    text((event) => event.model),
    text((event) => event.provider),
    text((event) => event.userAgent),
    text((event) => (event.requestTags.length === 0 ? null : toArrayLiteral(event.requestTags))),
    text((event) => (isEmpty(event.metadata) ? null : JSON.stringify(event.metadata))),
  ];
}

function flagsOf(event: SpendEvent): number {
  return (
    (event.clockAhead ? FLAG.clockAhead : 0) |
    (event.status === 'failure' ? FLAG.failed : 0) |
    (event.cacheHit ? FLAG.cacheHit : 0) |
    (event.unpriced ? FLAG.unpriced : 0)
  );
}

function isEmpty(of: Readonly<Record<string, string>>): boolean {
  return Object.keys(of).length === 0;
}

/** A text[] literal inside another array's element, where the binary form does not reach. */
function toArrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`;
}
