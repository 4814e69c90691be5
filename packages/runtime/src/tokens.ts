import { hash, timingSafeEqual } from 'node:crypto';

/** What a token may do. `admin` may also read and check, `read` may also check; `ingest` stands alone. */
export type TokenScope = 'ingest' | 'check' | 'read' | 'admin';

/** What a route asks for; `none` is open to everyone. */
export type RouteScope = TokenScope | 'none';

const GRANTS: Readonly<Record<TokenScope, readonly TokenScope[]>> = {
  ingest: ['ingest'],
  check: ['check'],
  read: ['read', 'check'],
  admin: ['admin', 'read', 'check'],
};

/** A token as it is kept: only its SHA-256. `name` is the "who" of logs. */
export interface TokenEntry {
  readonly name: string;
  readonly scope: TokenScope;
  readonly sha256: Buffer;
}

export interface TokenHolder {
  readonly name: string;
  readonly scope: TokenScope;
}

export interface Tokens {
  /** False with AUTH=off: every request passes and nobody has a name. */
  readonly required: boolean;
  /** Who sent this `Authorization` header; undefined when it holds no token we know. */
  find(authorization: string | undefined): TokenHolder | undefined;
}

/** Whether a token of this scope may use a route that asks for `wanted`. */
export function grants(scope: TokenScope, wanted: TokenScope): boolean {
  return GRANTS[scope].includes(wanted);
}

const MAX_HEADER_LENGTH = 1_024;
const BEARER = /^bearer +([!-~]+) *$/iu;

/**
 * Looks tokens up in time that does not depend on how much of one was guessed: the token sent is hashed,
 * so that all comparisons are of equal length, and compared with every entry even after one matched.
 * Nothing is cached by header: hashing costs a few microseconds, and a map keyed by tokens would compare
 * them byte by byte.
 */
export function createTokens(entries: readonly TokenEntry[]): Tokens {
  return {
    required: true,
    find: (authorization) => {
      const sent = bearerToken(authorization);
      return sent === undefined ? undefined : findEntry(entries, sent);
    },
  };
}

/** For AUTH=off. */
export const NO_TOKENS: Tokens = { required: false, find: () => undefined };

/** The token of a `Bearer` header; undefined when there is none, or one longer than any of ours. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined || authorization.length > MAX_HEADER_LENGTH) return undefined;
  return BEARER.exec(authorization)?.[1];
}

/** Compares two secrets in time that depends on neither. */
export function sameSecret(of: { readonly sent: string; readonly expected: string }): boolean {
  return timingSafeEqual(sha256(of.sent), sha256(of.expected));
}

export function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function findEntry(entries: readonly TokenEntry[], sent: string): TokenHolder | undefined {
  const digest = sha256(sent);
  let found: TokenEntry | undefined;
  for (const entry of entries) {
    if (timingSafeEqual(entry.sha256, digest)) found = entry;
  }
  return found === undefined ? undefined : { name: found.name, scope: found.scope };
}
