import { z } from 'zod';
import { parseNameList } from './name-list.ts';

const FLAG_WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  on: true,
  yes: true,
  false: false,
  '0': false,
  off: false,
  no: false,
};

/** A whole number from `min` to `max`, both included, in decimal digits. */
export function integer(min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`;
  return field((text) => {
    const value = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? { value } : { rule };
  });
}

/** A switch: true, 1, on, yes or false, 0, off, no, in any case. */
export function flag() {
  return field((text) => {
    const value = Object.hasOwn(FLAG_WORDS, text.toLowerCase()) ? FLAG_WORDS[text.toLowerCase()] : undefined;
    return value === undefined ? { rule: 'must be true or false (or 1/0, on/off, yes/no)' } : { value };
  });
}

/** Comma-separated names or a JSON list of texts; see `parseNameList`. */
export function nameList() {
  return field((text) => {
    try {
      return { value: parseNameList(text) };
    } catch {
      return { rule: 'must be comma-separated names or a JSON list of texts' };
    }
  });
}

/** A URL of one of these protocols (`['http', 'https']`), as text. */
export function url(protocols: readonly string[]) {
  const rule = `must be a URL that begins with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`;
  return field((text) => {
    const known = protocols.some((protocol) => text.startsWith(`${protocol}://`));
    return known && URL.canParse(text) ? { value: text } : { rule };
  });
}

/** `http://…` or `https://…`. */
export function httpUrl() {
  return url(['http', 'https']);
}

/** `postgres://…` or `postgresql://…`. It may hold a password, so `NAME_FILE` may name a file that holds it. */
export function postgresUrl() {
  return asSecret(url(['postgres', 'postgresql']));
}

/** `redis://…` or `rediss://…`. It may hold a password, so `NAME_FILE` may name a file that holds it. */
export function redisUrl() {
  return asSecret(url(['redis', 'rediss']));
}

/** A text of at least one character. `NAME_FILE` may name a file that holds it. */
export function secret() {
  return asSecret(z.string());
}

/** Marks a field as one that `NAME_FILE` may name a file for. */
export function asSecret<Field extends z.ZodType>(schema: Field): Field {
  secretFields.add(schema, { secret: true });
  return schema;
}

/** Whether the field, below `.optional()`, `.default()` and their like, is marked as a secret. */
export function isSecretField(schema: z.core.$ZodType): boolean {
  if (secretFields.has(schema)) return true;
  if (schema instanceof z.core.$ZodPipe) return isSecretField(schema._zod.def.in);
  const isWrapper =
    schema instanceof z.core.$ZodOptional ||
    schema instanceof z.core.$ZodDefault ||
    schema instanceof z.core.$ZodPrefault ||
    schema instanceof z.core.$ZodNullable;
  return isWrapper && isSecretField(schema._zod.def.innerType);
}

const secretFields = z.registry<{ secret: true }>();

/** A text read by `read`, which answers with the value or with the rule that the text breaks. */
function field<T>(read: (text: string) => { readonly value: T } | { readonly rule: string }) {
  return z.string().transform((text, context): T => {
    const result = read(text.trim());
    if ('value' in result) return result.value;
    context.issues.push({ code: 'custom', message: result.rule, input: undefined });
    return z.NEVER;
  });
}
