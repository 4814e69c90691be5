import { hash } from 'node:crypto';
import type { Projection } from '@spendgate/application';
import type { BadReading } from './intake.ts';
import { EVENTS_MAX, parsePayloads } from './parse-payloads.ts';
import { isRecord } from './project-event.ts';
import type { EventReader, EventReading } from './read-event.ts';

const SCHEMA_VERSION = 1;

/** The record of a good event: `{"schemaVersion": 1, "event": <projection>}`. */
export function toEventRecord(projection: Projection): string {
  return JSON.stringify({ schemaVersion: SCHEMA_VERSION, event: projection });
}

/** The record of an event that intake refused; the reader parks it, so that Kafka alone makes it durable. */
export function toRejectionRecord({ eventId, reason, detail, projection, identity }: BadReading): string {
  return JSON.stringify({
    schemaVersion: SCHEMA_VERSION,
    rejection: { eventId, reason, detail, projection, identity },
  });
}

/**
 * Reads a record of the topic: ours, or the bare payload (or list of payloads) of another producer.
 * Unknown fields are ignored; another schema version is refused.
 */
export function readRecord(
  reader: EventReader,
  value: Buffer | null,
  receivedAt: Date,
): readonly EventReading[] {
  if (value === null) return [notJson('the message is empty')];
  const parsed = parsePayloads(value.toString('utf8'));
  if (parsed === undefined) return [notJson('the message is no JSON', value)];
  if (parsed === 'too_many') {
    return [{ ...notJson(`the message holds more than ${EVENTS_MAX} events`, value), reason: 'invalid' }];
  }
  return parsed.map((element) =>
    element.ok && isRecord(element.payload) && 'schemaVersion' in element.payload
      ? readEnvelope(reader, element.payload, receivedAt)
      : reader.readParsed(element, receivedAt),
  );
}

function readEnvelope(
  reader: EventReader,
  envelope: Readonly<Record<string, unknown>>,
  receivedAt: Date,
): EventReading {
  if (envelope.schemaVersion === SCHEMA_VERSION) {
    if (isRecord(envelope.rejection)) return readRejection(reader, envelope.rejection, receivedAt);
    return reader.read(envelope.event, receivedAt);
  }
  const reading = reader.read(envelope.event, receivedAt);
  const kept = reading.ok
    ? { eventId: reading.event.id, projection: reading.projection, identity: null }
    : reading;
  return { ...kept, ok: false, reason: 'invalid', detail: 'schemaVersion: not 1' };
}

/** The projection passes the allow-list again: the topic is open to other producers. */
function readRejection(
  reader: EventReader,
  rejection: Readonly<Record<string, unknown>>,
  receivedAt: Date,
): EventReading {
  const reading = reader.read(rejection.projection, receivedAt);
  const projection = isRecord(rejection.projection) ? reading.projection : null;
  const eventId = reading.ok ? reading.event.id : reading.eventId;
  const digest = rejection.identity;
  const own = reading.ok ? null : reading.identity;
  return {
    ok: false,
    eventId,
    identity: eventId === null && typeof digest === 'string' && DIGEST.test(digest) ? digest : own,
    reason: rejection.reason === 'not_json' ? 'not_json' : 'invalid',
    detail: typeof rejection.detail === 'string' ? toDetail(rejection.detail) : '',
    projection,
  };
}

const DETAIL_MAX_LENGTH = 1_000;
const DIGEST = /^[0-9a-f]{64}$/u;

function toDetail(text: string): string {
  return text.slice(0, DETAIL_MAX_LENGTH).toWellFormed().replaceAll('\0', '\uFFFD');
}

function notJson(detail: string, value?: Buffer): BadReading {
  const identity = value === undefined ? null : hash('sha256', value, 'hex');
  return { ok: false, eventId: null, reason: 'not_json', detail, projection: null, identity };
}
