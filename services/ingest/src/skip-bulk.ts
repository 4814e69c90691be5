const BULK_KEY = '"model_map_information":';
/** Every event has one; a value that holds one would be no price list but another event, in broken JSON. */
const EVENT_MARK = '"startTime"';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The text with each price list that LiteLLM copies into its events replaced by null: 60 % of an event's
 * bytes, of which nothing is kept. Parsing what is left costs half (measured: 24 µs instead of 45 an event,
 * this function included). A value that cannot be told with certainty stays; what is not JSON before is not afterwards,
 * except for faults within a price list.
 */
export function withoutBulk(text: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let key = text.indexOf(BULK_KEY); key !== -1; key = text.indexOf(BULK_KEY, from)) {
    let start = key + BULK_KEY.length;
    while (text.charCodeAt(start) === SPACE) start += 1;
    const end = text.charCodeAt(start) === OPEN_BRACE ? endOfObject(text, start) : start;
    // Never into a value again: callers' own metadata may nest the key, and would be read once for each level.
    if (end === -1) break;
    const value = text.slice(start, end);
    parts.push(text.slice(from, start), value === '' || value.includes(EVENT_MARK) ? value : 'null');
    from = end;
  }
  if (parts.length === 0) return text;
  parts.push(text.slice(from));
  return parts.join('');
}

/** Behind the brace that closes the object begun at `start`; -1 when none does. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (at === -1) return -1;
    } else if (code === OPEN_BRACE) {
      depth += 1;
    } else if (code === CLOSE_BRACE) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}
