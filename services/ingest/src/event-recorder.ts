import { STRIPE_COUNT, recordEvents } from '@spendgate/application';
import type { Projection, RecordEventsPorts, RecordedOutcome } from '@spendgate/application';
import type { SpendEvent } from '@spendgate/domain';
import { Lanes } from './lanes.ts';
import type { EventSource, IngestMetrics } from './ingest-metrics.ts';

export interface EventToRecord {
  readonly event: SpendEvent;
  /** Events with the same one are not written side by side. */
  readonly laneKey: string;
  readonly projection: Projection;
  readonly source: EventSource;
  readonly sourceOffset: string | null;
  readonly receivedAt: Date;
}

export interface EventRecorder {
  /**
   * Records events together with whatever others hand in at the same time; what is refused is parked. For a caller
   * who cannot wait longer, `withinMs` ends the wait, also of a queue behind a ledger that hangs.
   * @throws Overloaded, LedgerUnavailable, and what `recordEvents` throws.
   */
  record(
    events: readonly EventToRecord[],
    of?: { readonly withinMs: number },
  ): Promise<readonly RecordedOutcome[]>;
  waitingEvents(): number;
  drained(): Promise<void>;
}

export interface RecorderSettings {
  readonly lanes: number;
  readonly batchLimit: number;
  readonly queueLimit: number;
  /** How long a batch tries to reach the ledger, from when the first of its events was handed in. */
  readonly ledgerDeadlineMs: number;
  /** Where this process begins among the counters' stripes, so that processes rarely share one. */
  readonly stripeOffset: number;
}

/** One path into the ledger for HTTP, Kafka and repairs: coalesced in lanes, each with a stripe of its own. */
export function createEventRecorder(
  ports: RecordEventsPorts,
  settings: RecorderSettings,
  metrics: IngestMetrics,
): EventRecorder {
  const lanes = new Lanes<EventToRecord, RecordedOutcome>({
    laneCount: settings.lanes,
    batchLimit: settings.batchLimit,
    queueLimit: settings.queueLimit,
    laneOf: ({ laneKey }) => hashText(laneKey),
    nowMs: () => ports.clock.nowMs(),
    run: async ({ lane, items, waitingSinceMs }) => {
      const events = items.map(({ event }) => event);
      const { outcomes } = await recordEvents(ports, {
        events,
        stripe: (settings.stripeOffset + lane) % STRIPE_COUNT,
        deadlineAtMs: waitingSinceMs + settings.ledgerDeadlineMs,
        origin: (index) => toOrigin(items[index]),
      });
      metrics.countSettled({
        events,
        outcomes,
        source: items[0]?.source ?? 'http',
        nowMs: ports.clock.nowMs(),
      });
      return outcomes;
    },
  });
  return {
    record: (events, of) => lanes.submit(events, of),
    waitingEvents: () => lanes.waitingItems,
    drained: () => lanes.drained(),
  };
}

function toOrigin(item: EventToRecord | undefined) {
  return {
    projection: item?.projection ?? null,
    source: item?.source ?? 'http',
    sourceOffset: item?.sourceOffset ?? null,
    receivedAt: item?.receivedAt ?? new Date(0),
  };
}

/** FNV-1a over the text's code units, as an unsigned 32-bit number. */
export function hashText(text: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93);
  }
  return hash >>> 0;
}
