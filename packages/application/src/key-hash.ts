import { hash } from 'node:crypto';

const SCHEME = /^bearer\s+/iu;
const SECRET_PREFIX = 'sk-';

/**
 * A virtual key as LiteLLM stores and reports it: a secret `sk-…` by the hex SHA-256 of the whole of it, anything
 * else (a hash, the name of the master key) unchanged. Blanks around it and a leading `Bearer` do not count.
 * Events and checks use this one rule, else they would name different subjects.
 */
export function keyHash(key: string): string {
  const bare = bareKey(key);
  return bare.startsWith(SECRET_PREFIX) ? hash('sha256', bare, 'hex') : bare;
}

/** A text of a caller's own, such as a key's alias: its hash where it is a secret key, else the text as it is. */
export function withoutSecretKey(text: string): string {
  return bareKey(text).startsWith(SECRET_PREFIX) ? keyHash(text) : text;
}

function bareKey(key: string): string {
  return key.trim().replace(SCHEME, '');
}
