import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** Who and how many take part; the same numbers give the same events in every process. */
export interface EventMix {
  readonly customers: number;
  /** Sets the events of one round apart from those of all others; part of each id. */
  readonly prefix: string;
  /** When the calls began, Unix seconds. */
  readonly startedAt: number;
}

/** One event as LiteLLM writes it, and the customer that Kafka keys it by. */
export interface SampleEvent {
  readonly base: string;
  readonly text: string;
}

/** Makes the event of each index from 0 on: captured payloads with other ids, customers, keys, models and times. */
export function createSampleEvents(mix: EventMix): (index: number) => SampleEvent {
  const templates = TEMPLATES.map(readTemplate);
  return (index) => {
    const template = templates[index % templates.length] ?? [];
    const base = `customer-${(index * 7919) % mix.customers}@company.com`;
    const key = (index * 31) % 50;
    const values: Readonly<Record<Marker, string>> = {
      id: `${mix.prefix}-${index}`,
      customer: base,
      key: `${key}`.padStart(64, 'a'),
      alias: `key-${key}`,
      team: `team-${key % 10}`,
      user: `user-${key % 25}`,
      model: CHEAP_MODELS[index % CHEAP_MODELS.length] ?? '',
      startedAt: `${mix.startedAt + (index % 1000) / 1000}`,
      endedAt: `${mix.startedAt + (index % 1000) / 1000 + 1.5}`,
    };
    return {
      base,
      text: template.map((piece) => piece.text + (piece.marker ? values[piece.marker] : '')).join(''),
    };
  };
}

/** The bodies of a round: JSON arrays of `batch` events each. */
export function createBodies(
  mix: EventMix,
  of: { readonly events: number; readonly batch: number },
): readonly Buffer[] {
  const eventAt = createSampleEvents(mix);
  return Array.from({ length: Math.ceil(of.events / of.batch) }, (_, body) => {
    const from = body * of.batch;
    const size = Math.min(of.batch, of.events - from);
    const texts = Array.from({ length: size }, (_item, index) => eventAt(from + index).text);
    return Buffer.from(`[${texts.join(', ')}]`);
  });
}

const CHEAP_MODELS = ['gpt-4o-mini', 'gpt-4.1-mini', 'claude-haiku-4-5', 'gemini-2.5-flash', 'mistral-small'];

// Mostly plain calls, some premium ones by either name, some cache hits and failures: about one in ten.
const TEMPLATES = [
  'event-success-plain-cheap',
  'event-success-plain-premium',
  'event-success-stream-cheap',
  'event-success-plain-cheap',
  'event-success-stream-premium-identity',
  'event-success-stream-cheap',
  'event-success-premium-identity-with-key-alias',
  'event-success-plain-cheap',
  'event-success-plain-premium',
  'event-success-stream-cheap',
  'event-success-plain-cheap',
  'event-success-plain-premium',
  'event-success-end-user-by-header',
  'event-success-stream-cheap',
  'event-success-plain-premium',
  'event-success-plain-cheap',
  'event-success-stream-cheap',
  'event-success-plain-cheap',
  'event-success-cache-hit',
  'event-failure-rate-limit',
];

const MARKERS = ['id', 'customer', 'key', 'alias', 'team', 'user', 'model', 'startedAt', 'endedAt'] as const;
type Marker = (typeof MARKERS)[number];
interface Piece {
  readonly text: string;
  readonly marker: Marker | null;
}

const captured = z.looseObject({ id: z.string(), end_user: z.string(), metadata: z.looseObject({}) });

function readTemplate(name: string): readonly Piece[] {
  const path = fileURLToPath(new URL(`../samples/litellm-events/${name}.json`, import.meta.url));
  const event = captured.parse(JSON.parse(readFileSync(path, 'utf8')));
  const stamped = {
    ...event,
    startTime: '<<startedAt>>',
    endTime: '<<endedAt>>',
    completionStartTime: '<<endedAt>>',
    metadata: {
      ...event.metadata,
      user_api_key_hash: '<<key>>',
      user_api_key_alias: '<<alias>>',
      user_api_key_team_id: '<<team>>',
      user_api_key_user_id: '<<user>>',
    },
  };
  const base = event.end_user.replace(/_codemie_premium_models$/, '');
  const text = pythonJson(stamped)
    .replaceAll(event.id, '<<id>>')
    .replaceAll(base, '<<customer>>')
    .replaceAll('"model_group": "gpt-4o-mini"', '"model_group": "<<model>>"')
    .replaceAll(/"(<<(?:startedAt|endedAt)>>)"/g, '$1');
  const parts = text.split(/<<(\w+)>>/);
  return parts.flatMap((part, index) =>
    index % 2 === 0
      ? [{ text: part, marker: MARKERS.find((known) => known === parts[index + 1]) ?? null }]
      : [],
  );
}

/** JSON with the spaces that Python's writer puts, as LiteLLM sends it. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonJson(item)}`);
  return `{${entries.join(', ')}}`;
}
