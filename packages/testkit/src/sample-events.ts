import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './repository.ts';

const FOLDER = join(REPOSITORY, 'test', 'samples', 'litellm-events');

/** A payload as LiteLLM sends it; only its shape as a JSON object is known. */
export type Payload = Readonly<Record<string, unknown>>;

export interface SampleEvent {
  /** The file's name without its ending, such as `event-success-plain-premium`. */
  readonly name: string;
  readonly payload: Payload;
}

/** The single events captured from a real LiteLLM proxy, in the order of their names. */
export function sampleEvents(): readonly SampleEvent[] {
  return files('event-').flatMap(({ name, content }) =>
    isPayload(content) ? [{ name, payload: content }] : [],
  );
}

/** The captured batches, as LiteLLM posted them. */
export function sampleBatches(): readonly { readonly name: string; readonly payloads: readonly Payload[] }[] {
  return files('batch-').flatMap(({ name, content }) =>
    Array.isArray(content) ? [{ name, payloads: content.filter(isPayload) }] : [],
  );
}

/** @throws Error when there is no captured event of this name. */
export function sampleEvent(name: string): Payload {
  const found = sampleEvents().find((sample) => sample.name === name);
  if (found === undefined) throw new Error(`There is no captured event "${name}".`);
  return found.payload;
}

/**
 * The same event as if it had happened at another time, to somebody else or for another price. A new id is made up
 * when none is given; `costUsd` goes to every place where LiteLLM puts the cost. Its length in time stays.
 */
export function restamp(
  payload: Payload,
  changes: {
    readonly id?: string;
    readonly startedAt?: Date;
    readonly endUser?: string | null;
    readonly costUsd?: number | null;
  } = {},
): Payload {
  const id = changes.id ?? `chatcmpl-${randomUUID()}`;
  const stamped: Record<string, unknown> = {
    ...payload,
    id,
    litellm_call_id: randomUUID(),
    trace_id: randomUUID(),
  };
  if (changes.startedAt !== undefined) {
    const shift = changes.startedAt.getTime() / 1000 - numberOf(payload['startTime']);
    for (const field of ['startTime', 'endTime', 'completionStartTime']) {
      if (typeof payload[field] === 'number') stamped[field] = numberOf(payload[field]) + shift;
    }
    stamped['startTime'] = changes.startedAt.getTime() / 1000;
  }
  if (changes.endUser !== undefined) {
    stamped['end_user'] = changes.endUser;
    stamped['metadata'] = withField(payload['metadata'], 'user_api_key_end_user_id', changes.endUser);
  }
  if (changes.costUsd !== undefined) {
    stamped['response_cost'] = changes.costUsd;
    stamped['cost_breakdown'] = withField(payload['cost_breakdown'], 'total_cost', changes.costUsd);
    stamped['hidden_params'] = withField(payload['hidden_params'], 'response_cost', changes.costUsd);
  }
  return stamped;
}

function files(prefix: string): readonly { readonly name: string; readonly content: unknown }[] {
  return readdirSync(FOLDER)
    .filter((file) => file.startsWith(prefix) && file.endsWith('.json'))
    .toSorted()
    .map((file) => ({
      name: file.slice(0, -'.json'.length),
      content: JSON.parse(readFileSync(join(FOLDER, file), 'utf8')),
    }));
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withField(value: unknown, field: string, content: unknown): unknown {
  return isPayload(value) ? { ...value, [field]: content } : value;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
