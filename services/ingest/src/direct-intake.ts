import { retryLedger } from '@spendgate/application';
import type { RecordedOutcome, RejectedEvents, Rejection, RulesInForce } from '@spendgate/application';
import type { Clock } from '@spendgate/application';
import { LedgerUnavailable, invariant } from '@spendgate/domain';
import { customerOf } from './customer-of.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { IngestMetrics } from './ingest-metrics.ts';
import { sortReadings, toRejectionReply } from './intake.ts';
import type { BadReading, GoodReading, Indexed, Intake, IntakeAnswer } from './intake.ts';
import { withinTime } from './within-time.ts';

export interface DirectIntakePorts {
  readonly rules: RulesInForce;
  readonly recorder: EventRecorder;
  readonly rejected: Pick<RejectedEvents, 'park'>;
  readonly clock: Clock;
  readonly metrics: IngestMetrics;
}

/** Intake without Kafka: durable means in the ledger, or in `rejected_events`. */
export function createDirectIntake(
  ports: DirectIntakePorts,
  settings: { readonly ledgerDeadlineMs: number },
): Intake {
  return {
    take: async ({ readings, receivedAt }) => {
      const rules = ports.rules.current();
      const { good, bad } = sortReadings(readings);
      const toRecord = good.map(({ reading: { event, projection } }) => ({
        event,
        projection,
        laneKey: customerOf(rules, event) ?? event.keyHash ?? '',
        source: 'http' as const,
        sourceOffset: null,
        receivedAt,
      }));
      const withinMs = settings.ledgerDeadlineMs;
      const deadlineAtMs = ports.clock.nowMs() + withinMs;
      const late = () => new LedgerUnavailable(`what was refused was not parked within ${withinMs} ms`);
      const [outcomes] = await Promise.all([
        ports.recorder.record(toRecord, { withinMs }),
        withinTime({ timeoutMs: withinMs, late }, park(ports, { bad, receivedAt, deadlineAtMs })),
      ]);
      return toAnswer({ good, bad, outcomes });
    },
  };
}

async function park(
  ports: DirectIntakePorts,
  of: {
    readonly bad: readonly Indexed<BadReading>[];
    readonly receivedAt: Date;
    readonly deadlineAtMs: number;
  },
): Promise<void> {
  if (of.bad.length === 0) return;
  const rejections = of.bad.map(({ reading }) => toRejection(reading, of.receivedAt));
  await retryLedger(ports, {
    deadlineAtMs: of.deadlineAtMs,
    attempt: () => ports.rejected.park(rejections),
  });
  for (const { reading } of of.bad) ports.metrics.countRejected({ reason: reading.reason, source: 'http' });
}

function toRejection(reading: BadReading, receivedAt: Date): Rejection {
  const { eventId, reason, detail, projection, identity } = reading;
  return { eventId, reason, detail, projection, identity, source: 'http', sourceOffset: null, receivedAt };
}

function toAnswer(of: {
  readonly good: readonly Indexed<GoodReading>[];
  readonly bad: readonly Indexed<BadReading>[];
  readonly outcomes: readonly RecordedOutcome[];
}): IntakeAnswer {
  const rejections: IntakeAnswer['rejections'][number][] = of.bad.map(toRejectionReply);
  let accepted = 0;
  let duplicates = 0;
  for (const [position, { index, reading }] of of.good.entries()) {
    const outcome = of.outcomes[position];
    invariant(outcome !== undefined, 'every event has an outcome');
    if (outcome === 'recorded') accepted += 1;
    else if (outcome === 'duplicate') duplicates += 1;
    else rejections.push({ index, id: reading.event.id, reason: outcome });
  }
  rejections.sort((one, other) => one.index - other.index);
  return { accepted, duplicates, rejected: rejections.length, rejections };
}
