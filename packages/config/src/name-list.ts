import { z } from 'zod';

const jsonList = z.array(z.string());

/**
 * Names from a comma-separated text or a JSON list of texts, trimmed, blank ones dropped. A text that begins
 * with `[` must be such a JSON list.
 * @throws Error when it is not; the message does not quote it.
 */
export function parseNameList(text: string): readonly string[] {
  const names = text.trim().startsWith('[') ? fromJson(text) : text.split(',');
  return names.map((name) => name.trim()).filter((name) => name !== '');
}

function fromJson(text: string): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be a secret.
    throw new Error('must be comma-separated names or a JSON list of texts');
  }
  const parsed = jsonList.safeParse(value);
  if (!parsed.success) throw new Error('must be comma-separated names or a JSON list of texts');
  return parsed.data;
}
