import { retryLedger } from '@spendgate/application';
import type { Clock, RejectedEvents, Rejection, RulesInForce } from '@spendgate/application';
import { BudgetError, EventStreamUnavailable } from '@spendgate/domain';
import type { Logger } from '@spendgate/observability';
import { customerOf } from './customer-of.ts';
import { readRecord } from './envelope.ts';
import type { EventRecorder, EventToRecord } from './event-recorder.ts';
import type { EventAppender, StreamBatch, StreamMessage } from './event-stream.ts';
import type { IngestMetrics } from './ingest-metrics.ts';
import type { BadReading } from './intake.ts';
import type { EventReader } from './read-event.ts';

export interface ConsumePorts {
  readonly rules: RulesInForce;
  readonly reader: EventReader;
  readonly recorder: EventRecorder;
  readonly rejected: Pick<RejectedEvents, 'park'>;
  readonly deadLetters: EventAppender;
  readonly clock: Clock;
  readonly metrics: IngestMetrics;
  readonly logger: Logger;
}

const CHUNK_MESSAGES = 1_000;
const HEARTBEAT_MS = 1_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const PARK_DEADLINE_MS = 4_000;
const DEAD_LETTER_TRIES = 3;
const PLAUSIBLE_AHEAD_MS = 60_000;
const EARLIEST_RECEIPT_MS = Date.UTC(2020, 0, 1);

/**
 * Works through a batch from the stream: record, park what cannot be parsed, commit the offset, a
 * thousand messages at a time. While a store is away it waits, with heartbeats and without committing; so it does
 * after a mistake of our own, which is no event's fault. No message holds up those behind it: what cannot be parsed
 * or stored is parked.
 */
export async function consumeBatch(ports: ConsumePorts, batch: StreamBatch): Promise<void> {
  const heart = startHeartbeats(batch);
  try {
    for (let from = 0; from < batch.messages.length; from += CHUNK_MESSAGES) {
      const messages = batch.messages.slice(from, from + CHUNK_MESSAGES);
      const done = await settleChunk(ports, { batch, messages, gone: () => batch.isOver() || heart.lost() });
      const last = messages.at(-1);
      if (!done || last === undefined) break;
      await batch.commit(last.offset);
      ports.metrics.kafkaBatches.inc();
      if (batch.isOver() || heart.lost()) break;
    }
  } finally {
    heart.stop();
  }
  heart.rethrow();
}

interface Chunk {
  readonly batch: StreamBatch;
  readonly messages: readonly StreamMessage[];
  readonly gone: () => boolean;
}

/** False when the batch was taken from us before everything was durable; nothing is committed then. */
async function settleChunk(ports: ConsumePorts, chunk: Chunk): Promise<boolean> {
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    try {
      await recordChunk(ports, chunk);
      return true;
    } catch (error) {
      const record = { err: error, ...placeOf(chunk) };
      if (error instanceof BudgetError) ports.logger.warn(record, 'a batch from Kafka waits for its store');
      else ports.logger.error(record, 'a batch from Kafka cannot be recorded; it is tried again');
      if (chunk.gone()) return false;
      await ports.clock.wait(pauseMs);
      if (chunk.gone()) return false;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }
}

async function recordChunk(ports: ConsumePorts, { batch, messages }: Chunk): Promise<void> {
  const rules = ports.rules.current();
  const nowMs = ports.clock.nowMs();
  const events: EventToRecord[] = [];
  const rejections: Rejection[] = [];
  for (const message of messages) {
    const receivedAt = receiptOf(message, nowMs);
    const sourceOffset = `${batch.topic}/${batch.partition}/${message.offset}`;
    for (const reading of readRecord(ports.reader, message.value, receivedAt)) {
      if (reading.ok) {
        const { event, projection } = reading;
        const laneKey = customerOf(rules, event) ?? event.keyHash ?? '';
        events.push({ event, projection, laneKey, source: 'kafka', sourceOffset, receivedAt });
      } else {
        rejections.push(toRejection(reading, { sourceOffset, receivedAt }));
      }
    }
  }
  await Promise.all([ports.recorder.record(events), parkUnparsed(ports, rejections)]);
  await reportUnparsed(ports, rejections);
}

async function parkUnparsed(ports: ConsumePorts, rejections: readonly Rejection[]): Promise<void> {
  if (rejections.length === 0) return;
  const deadlineAtMs = ports.clock.nowMs() + PARK_DEADLINE_MS;
  await retryLedger(ports, { deadlineAtMs, attempt: () => ports.rejected.park(rejections) });
}

/** Once all of the chunk is durable: a chunk that is tried again must not leave its dead letters twice. */
async function reportUnparsed(ports: ConsumePorts, rejections: readonly Rejection[]): Promise<void> {
  if (rejections.length === 0) return;
  for (const { reason } of rejections) ports.metrics.countRejected({ reason, source: 'kafka' });
  ports.metrics.kafkaParked.inc({ to: 'rejected_events' }, rejections.length);
  await appendDeadLetters(ports, rejections);
}

/** The rejection is durable already, so dead letters that Kafka does not take must not stop the stream. */
async function appendDeadLetters(ports: ConsumePorts, rejections: readonly Rejection[]): Promise<void> {
  const records = rejections.map(({ reason, detail, sourceOffset, eventId, projection, receivedAt }) => ({
    key: null,
    value: JSON.stringify({
      schemaVersion: 1,
      reason,
      detail,
      sourceOffset,
      eventId,
      receivedAt,
      projection,
    }),
  }));
  for (let tries = 1; ; tries++) {
    try {
      await ports.deadLetters.append(records);
      ports.metrics.kafkaParked.inc({ to: 'dead_letters' }, records.length);
      return;
    } catch (error) {
      if (error instanceof EventStreamUnavailable && tries < DEAD_LETTER_TRIES) continue;
      ports.logger.error({ err: error }, 'dead letters could not be appended; they stand in rejected_events');
      return;
    }
  }
}

function toRejection(
  reading: BadReading,
  of: { readonly sourceOffset: string; readonly receivedAt: Date },
): Rejection {
  const { eventId, reason, detail, projection, identity } = reading;
  return { eventId, reason, detail, projection, identity, source: 'kafka', ...of };
}

/** The broker's time of receipt, when it can be true. */
function receiptOf(message: StreamMessage, nowMs: number): Date {
  const { timestampMs } = message;
  const plausible = timestampMs >= EARLIEST_RECEIPT_MS && timestampMs <= nowMs + PLAUSIBLE_AHEAD_MS;
  return new Date(plausible ? timestampMs : nowMs);
}

function placeOf({ batch, messages }: Chunk) {
  return { topic: batch.topic, partition: batch.partition, offset: messages[0]?.offset };
}

/** Heartbeats until `stop`. A failed one means that the group moves on without us; `rethrow` says so. */
function startHeartbeats(batch: StreamBatch) {
  let failure: { readonly error: unknown } | undefined;
  const timer = setInterval(() => {
    batch.heartbeat().catch((error: unknown) => {
      failure ??= { error };
    });
  }, HEARTBEAT_MS);
  return {
    lost: () => failure !== undefined,
    stop: () => clearInterval(timer),
    rethrow: () => {
      if (failure !== undefined) throw failure.error;
    },
  };
}
