import { STRIPE_COUNT, isStriped } from '@spendgate/application';
import { invariant } from '@spendgate/domain';
import type { AttributedEvent, NanoUsd, SubjectKey } from '@spendgate/domain';

/** What a batch adds to one counter. */
export interface ChargeSum {
  readonly subject: SubjectKey;
  readonly period: string;
  readonly periodEnd: Date | null;
  readonly stripe: number;
  amountNanoUsd: NanoUsd;
}

export interface ChargeSums {
  /** One for each counter, ordered by the bytes of subject and period: the order in which counters are locked. */
  readonly sums: readonly ChargeSum[];
  /** `events[i]` charges `counters[i]`; positions in the batch and in `sums`, counted from 1. */
  readonly events: readonly number[];
  readonly counters: readonly number[];
}

/** Adds up a batch's charges by counter, as if all its events were new. */
export function sumCharges(events: readonly AttributedEvent[], writerStripe: number): ChargeSums {
  invariant(
    Number.isInteger(writerStripe) && writerStripe >= 0 && writerStripe < STRIPE_COUNT,
    `stripe ${writerStripe} is not within 0 to ${STRIPE_COUNT - 1}`,
  );
  const bySubject = new Map<SubjectKey, Map<string, ChargeSum>>();
  const sums: ChargeSum[] = [];
  const chargedEvents: number[] = [];
  const charged: ChargeSum[] = [];
  for (const [index, { event, charges }] of events.entries()) {
    for (const charge of charges) {
      let periods = bySubject.get(charge.subject);
      if (periods === undefined) bySubject.set(charge.subject, (periods = new Map()));
      let sum = periods.get(charge.period);
      if (sum === undefined) {
        // The writers' routing keeps a customer with one writer, so its counter needs no stripes.
        const stripe = isStriped(charge.subject) ? writerStripe : 0;
        sum = { ...charge, stripe, amountNanoUsd: 0n };
        periods.set(charge.period, sum);
        sums.push(sum);
      }
      sum.amountNanoUsd += event.costNanoUsd;
      chargedEvents.push(index + 1);
      charged.push(sum);
    }
  }
  sums.sort(sums.some((sum) => needsByteOrder(sum)) ? byBytes : byUnits);
  const position = new Map(sums.map((sum, index) => [sum, index + 1]));
  return { sums, events: chargedEvents, counters: charged.map((sum) => position.get(sum) ?? 0) };
}

/** From U+D800 on, the order of UTF-16 units is not that of UTF-8 bytes, which the database sorts by. */
function needsByteOrder(sum: ChargeSum): boolean {
  return /[\uD800-\uFFFF]/.test(sum.subject) || /[\uD800-\uFFFF]/.test(sum.period);
}

function byUnits(one: ChargeSum, other: ChargeSum): number {
  if (one.subject !== other.subject) return one.subject < other.subject ? -1 : 1;
  if (one.period !== other.period) return one.period < other.period ? -1 : 1;
  return 0;
}

function byBytes(one: ChargeSum, other: ChargeSum): number {
  const subjects = Buffer.compare(Buffer.from(one.subject), Buffer.from(other.subject));
  return subjects === 0 ? Buffer.compare(Buffer.from(one.period), Buffer.from(other.period)) : subjects;
}
