import type { EventReading } from './read-event.ts';

/** What one request brought, read: events in the order of the body. */
export interface ReceivedEvents {
  readonly readings: readonly EventReading[];
  readonly receivedAt: Date;
}

export interface IntakeAnswer {
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly rejections: readonly {
    readonly index: number;
    readonly id: string | null;
    readonly reason: string;
  }[];
}

/** Takes what a request brought. */
export interface Intake {
  /**
   * Resolves once every event is durable, the refused ones too.
   * @throws a retryable BudgetError when that could not be had in time; repeating the request is safe.
   */
  take(received: ReceivedEvents): Promise<IntakeAnswer>;
}

export type BadReading = Extract<EventReading, { readonly ok: false }>;
export type GoodReading = Extract<EventReading, { readonly ok: true }>;

export interface Indexed<Reading> {
  readonly index: number;
  readonly reading: Reading;
}

/** Good and bad readings apart, each with its place in the body. */
export function sortReadings(readings: readonly EventReading[]) {
  const good: Indexed<GoodReading>[] = [];
  const bad: Indexed<BadReading>[] = [];
  for (const [index, reading] of readings.entries()) {
    if (reading.ok) good.push({ index, reading });
    else bad.push({ index, reading });
  }
  return { good, bad };
}

export function toRejectionReply({ index, reading }: Indexed<BadReading>) {
  return { index, id: reading.eventId, reason: reading.reason };
}
