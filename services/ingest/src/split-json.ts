const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const NON_FINITE = /-?\b(?:NaN|Infinity)\b/gu;

/**
 * The texts of a JSON array's elements, cut at its top-level commas without reading the elements, so
 * that one broken element leaves the others whole. The text begins with `[`; what follows the array's
 * end is an element of its own unless it is blank. Stops at the first one beyond `elementsMax`, blank ones counted.
 */
export function splitArray(text: string, of: { readonly elementsMax: number }): readonly string[] {
  const elements: string[] = [];
  let depth = 0;
  let from = text.indexOf('[') + 1;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1;
    } else if (code === COMMA && depth === 0) {
      elements.push(text.slice(from, at));
      if (elements.length > of.elementsMax) return elements;
      from = at + 1;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1;
      if (depth >= 0) continue;
      return [...elements, text.slice(from, at), text.slice(at + 1)].filter(isNotBlank);
    }
  }
  return [...elements, text.slice(from)].filter(isNotBlank);
}

/**
 * The top-level objects of a text in which they follow one another, on one line or over several. Stops at the first
 * one beyond `elementsMax`.
 */
export function splitObjects(text: string, of: { readonly elementsMax: number }): readonly string[] {
  const objects: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1;
      if (depth > 0) continue;
      depth = 0;
      objects.push(text.slice(from, at + 1));
      if (objects.length > of.elementsMax) return objects;
      from = at + 1;
    }
  }
  return [...objects, text.slice(from)].filter(isNotBlank);
}

/**
 * Python's `NaN`, `Infinity` and `-Infinity` outside strings, each replaced by `null`. Strings are stepped over
 * by hand: an expression that matches them goes back over long ones again and again, and overflows on images.
 */
export function withoutNonFinite(text: string): string {
  const parts: string[] = [];
  for (let from = 0; from < text.length;) {
    const quote = text.indexOf('"', from);
    const string = quote === -1 ? text.length : quote;
    parts.push(text.slice(from, string).replaceAll(NON_FINITE, 'null'));
    from = quote === -1 ? text.length : endOfString(text, quote) + 1;
    parts.push(text.slice(string, from));
  }
  return parts.join('');
}

/** The position of the quote that ends the string begun at `start`; the text's end when none does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

function isNotBlank(text: string): boolean {
  return text.trim() !== '';
}
