import { isRecord } from './project-event.ts';
import { withoutBulk } from './skip-bulk.ts';
import { splitArray, splitObjects, withoutNonFinite } from './split-json.ts';

/** One element of a body. A broken one keeps what could be read of it, non-finite numbers as null. */
export type ParsedPayload =
  | { readonly ok: true; readonly payload: unknown }
  | {
      readonly ok: false;
      readonly reason: 'invalid' | 'not_json';
      readonly detail: string;
      readonly payload: unknown;
    };

/**
 * The payloads of a text that is a JSON array, one JSON object, or objects one after another (NDJSON),
 * whatever it was declared to be. A broken element does not touch the others. Undefined when nothing of
 * it is JSON.
 */
export function parsePayloads(text: string): readonly ParsedPayload[] | undefined {
  const whole = parseStrictly(withoutBulk(text));
  if (whole !== undefined) {
    const payloads: readonly unknown[] = Array.isArray(whole.value) ? whole.value : [whole.value];
    return payloads.map((payload) => ({ ok: true, payload }));
  }
  const parsed = splitBody(text).map(parseElement);
  return parsed.some((element) => element.ok || element.reason !== 'not_json') ? parsed : undefined;
}

/** Wrapped, because a text may be the JSON of any value, `null` too. */
function parseStrictly(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function splitBody(text: string): readonly string[] {
  const body = text.trim();
  if (body.startsWith('[')) return splitArray(body);
  const lines = body.split('\n').filter((line) => line.trim() !== '');
  // NDJSON, unless not a single line is an object by itself: then objects were printed over several lines, of
  // which some may well be JSON, such as the last text of a list.
  return lines.some(isObject) ? lines : splitObjects(body);
}

function isObject(line: string): boolean {
  const parsed = parseElement(line);
  return parsed.ok && isRecord(parsed.payload);
}

function parseElement(text: string): ParsedPayload {
  const strict = parseStrictly(text);
  if (strict !== undefined) return { ok: true, payload: strict.value };
  const finite = parseStrictly(withoutNonFinite(text));
  return finite === undefined
    ? { ok: false, reason: 'not_json', detail: 'the element is no JSON', payload: undefined }
    : {
        ok: false,
        reason: 'invalid',
        detail: 'the element holds NaN or Infinity, which JSON does not have',
        payload: finite.value,
      };
}
