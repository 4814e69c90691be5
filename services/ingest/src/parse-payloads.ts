import { isRecord } from './project-event.ts';
import { withoutBulk } from './skip-bulk.ts';
import { splitArray, splitObjects, withoutNonFinite } from './split-json.ts';

/** LiteLLM sends at most 512 at once by default; far more small ones would hold up everyone else. */
export const EVENTS_MAX = 50_000;
/** Blank ones count: they cost as much to look at. */
const LINES_MAX = 2 * EVENTS_MAX;

/** One element of a body. A broken one keeps what could be read of it, non-finite numbers as null. */
export type ParsedPayload =
  | { readonly ok: true; readonly payload: unknown }
  | {
      readonly ok: false;
      readonly reason: 'invalid' | 'not_json';
      readonly detail: string;
      readonly payload: unknown;
      /** What was sent, for telling it apart; not to be kept. */
      readonly text: string;
    };

/**
 * The payloads of a text that is a JSON array, one JSON object, or objects one after another (NDJSON),
 * whatever it was declared to be. A broken element does not touch the others. Undefined when nothing of
 * it is JSON; `too_many` beyond `EVENTS_MAX`, found before anything is done for each of them.
 */
export function parsePayloads(text: string): readonly ParsedPayload[] | 'too_many' | undefined {
  const whole = parseStrictly(withoutBulk(text));
  if (whole !== undefined) {
    const payloads: readonly unknown[] = Array.isArray(whole.value) ? whole.value : [whole.value];
    return payloads.length > EVENTS_MAX ? 'too_many' : payloads.map((payload) => ({ ok: true, payload }));
  }
  const elements = splitBody(text);
  if (elements.length > EVENTS_MAX) return 'too_many';
  const parsed = elements.map(parseElement);
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

/** At least one more than `EVENTS_MAX` when there are more. */
function splitBody(text: string): readonly string[] {
  const body = text.trim();
  if (body.startsWith('[')) return splitArray(body, { elementsMax: EVENTS_MAX });
  const lines = firstLines(body);
  // NDJSON, unless not a single line is an object by itself: then objects were printed over several lines, of
  // which some may well be JSON, such as the last text of a list.
  return lines.some(isObject) ? lines : splitObjects(body, { elementsMax: EVENTS_MAX });
}

/** The lines that are not blank; of a text with more lines than are looked at, more than `EVENTS_MAX` lines. */
function firstLines(text: string): readonly string[] {
  const all = text.split('\n', LINES_MAX + 1);
  const lines = all.filter((line) => line.trim() !== '');
  return all.length > LINES_MAX ? all : lines;
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
    ? { ok: false, reason: 'not_json', detail: 'the element is no JSON', payload: undefined, text }
    : {
        ok: false,
        reason: 'invalid',
        detail: 'the element holds NaN or Infinity, which JSON does not have',
        payload: finite.value,
        text,
      };
}
