import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isLoopback } from './loopback.ts';
import { NO_TOKENS, createTokens, grants, sha256 } from './tokens.ts';
import type { TokenEntry, Tokens, TokenScope } from './tokens.ts';

const text = z.string().optional();

/** Environment fields of the tokens; a service takes those it knows. Each has a form that names a file. */
export const tokenFields = {
  INGEST_TOKENS: text,
  INGEST_TOKENS_FILE: text,
  ENFORCER_TOKENS: text,
  ENFORCER_TOKENS_FILE: text,
  READ_TOKENS: text,
  READ_TOKENS_FILE: text,
  ADMIN_TOKENS: text,
  ADMIN_TOKENS_FILE: text,
};

/** Tokens that are missing or wrong, and settings of theirs; no message holds a token. */
export class InvalidTokens extends Error {
  override readonly name = 'InvalidTokens';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`Invalid tokens:\n${problems.map((line) => `- ${line}`).join('\n')}`);
    this.problems = problems;
  }
}

export type TokenEnvironment = { readonly [Name in keyof typeof tokenFields]?: string | undefined };

/**
 * `off` is for a machine of one's own: it is refused where others could reach the service. Who puts
 * authentication in front of it says so with the longer word.
 */
export const AUTH_MODES = ['on', 'off', 'off-on-all-interfaces'] as const;
export type AuthMode = (typeof AUTH_MODES)[number];

/** What demo and `npm start` use where none are set; refused off loopback. */
export const DEV_TOKENS: Readonly<Record<TokenScope, string>> = {
  ingest: 'dev-ingest-token',
  check: 'dev-check-token',
  read: 'dev-read-token',
  admin: 'dev-admin-token',
};

const VARIABLES: readonly { readonly scope: TokenScope; readonly name: TokenVariable }[] = [
  { scope: 'ingest', name: 'INGEST_TOKENS' },
  { scope: 'check', name: 'ENFORCER_TOKENS' },
  { scope: 'read', name: 'READ_TOKENS' },
  { scope: 'admin', name: 'ADMIN_TOKENS' },
];
type TokenVariable = 'INGEST_TOKENS' | 'ENFORCER_TOKENS' | 'READ_TOKENS' | 'ADMIN_TOKENS';

const MAX_TOKENS = 200;
const NAME = /^[\w.@-]{1,64}$/u;
const TOKEN = /^[!-~]{1,512}$/u;
const SHA256 = /^sha256:([0-9a-f]{64})$/iu;

/**
 * Reads entries `name:token` or `name:sha256:<hex>`, separated by commas or line ends; in files, lines
 * that begin with # are comments. `scopes` are those that the service's routes ask for: without a token
 * that grants one of them it could answer nobody, so it does not start.
 * @throws InvalidTokens - one, naming every fault by variable and position, never a token.
 */
export function parseTokens(of: {
  readonly env: TokenEnvironment;
  readonly auth: AuthMode;
  readonly host: string;
  readonly scopes: readonly TokenScope[];
}): Tokens {
  if (of.auth === 'off-on-all-interfaces' || (of.auth === 'off' && isLoopback(of.host))) return NO_TOKENS;
  if (of.auth === 'off') {
    throw new InvalidTokens([
      'AUTH=off is refused because HOST is no loopback address: everyone who reaches it could use it. ' +
        'Set tokens, or AUTH=off-on-all-interfaces if something in front of the service authenticates.',
    ]);
  }
  const problems: string[] = [];
  const entries = VARIABLES.flatMap((variable) => readVariable(of.env, variable, problems));
  problems.push(...sharedTokens(entries), ...devTokens(entries, of.host));
  if (entries.length > MAX_TOKENS) problems.push(`more than ${MAX_TOKENS} tokens`);
  if (problems.length === 0) problems.push(...missingTokens(entries, of.scopes));
  if (problems.length > 0) throw new InvalidTokens(problems);
  return createTokens(entries);
}

const ownSettings = z.object({
  AUTH: z.enum(AUTH_MODES).catch('on'),
  HOST: z.string().min(1).catch('127.0.0.1'),
});

/**
 * `parseTokens` of a whole environment, for a service that reads the rest of it beside: an AUTH that is no
 * mode counts as `on` here, since that reading reports it.
 * @throws InvalidTokens
 */
export function tokensOf(of: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly scopes: readonly TokenScope[];
}): Tokens {
  const { AUTH: auth, HOST: host } = ownSettings.parse(of.env);
  return parseTokens({ ...of, auth, host });
}

function readVariable(
  env: TokenEnvironment,
  { scope, name }: { readonly scope: TokenScope; readonly name: TokenVariable },
  problems: string[],
): TokenEntry[] {
  const inline = env[name]?.trim() ?? '';
  const file = env[`${name}_FILE`]?.trim() ?? '';
  if (inline !== '' && file !== '') {
    problems.push(`${name} and ${name}_FILE are both set; keep one`);
    return [];
  }
  if (file === '') return readEntries({ text: inline, scope, source: name }, problems);
  try {
    return readEntries(
      { text: withoutComments(readFileSync(file, 'utf8')), scope, source: `${name}_FILE` },
      problems,
    );
  } catch {
    problems.push(`${name}_FILE names a file that cannot be read`);
    return [];
  }
}

function withoutComments(content: string): string {
  return content.replaceAll(/^\s*#.*$/gmu, '');
}

function readEntries(
  of: { readonly text: string; readonly scope: TokenScope; readonly source: string },
  problems: string[],
): TokenEntry[] {
  const parts = of.text.split(/[,\n]/u).map((part) => part.trim());
  const names = new Set<string>();
  return parts.flatMap((part, index) => {
    if (part === '') return [];
    const entry = readEntry(part, of.scope);
    const where = `${of.source}, entry ${index + 1}`;
    if (typeof entry === 'string') {
      problems.push(`${where}: ${entry}`);
      return [];
    }
    if (names.has(entry.name)) problems.push(`${where}: the name "${entry.name}" is there twice`);
    names.add(entry.name);
    return [entry];
  });
}

function readEntry(part: string, scope: TokenScope): TokenEntry | string {
  const colon = part.indexOf(':');
  if (colon < 0) return 'must be name:token or name:sha256:<hex>';
  const name = part.slice(0, colon).trim();
  const secret = part.slice(colon + 1).trim();
  if (!NAME.test(name)) return 'the name must be 1 to 64 letters, digits or . _ @ -';
  if (secret === '') return `the token of "${name}" is empty`;
  const hex = SHA256.exec(secret)?.[1];
  if (hex !== undefined) return { name, scope, sha256: Buffer.from(hex, 'hex') };
  if (secret.startsWith('sha256:')) return `the sha256 of "${name}" must be 64 hexadecimal digits`;
  if (!TOKEN.test(secret)) return `the token of "${name}" must be 1 to 512 visible ASCII characters`;
  return { name, scope, sha256: sha256(secret) };
}

function sharedTokens(entries: readonly TokenEntry[]): string[] {
  return entries.flatMap((entry, index) => {
    const other = entries.slice(0, index).find((earlier) => earlier.sha256.equals(entry.sha256));
    return other === undefined
      ? []
      : [`"${other.name}" (${other.scope}) and "${entry.name}" (${entry.scope}) have the same token`];
  });
}

function devTokens(entries: readonly TokenEntry[], host: string): string[] {
  if (isLoopback(host)) return [];
  const known = Object.values(DEV_TOKENS).map(sha256);
  const found = VARIABLES.filter(({ scope }) =>
    entries.some((entry) => entry.scope === scope && known.some((digest) => digest.equals(entry.sha256))),
  );
  return found.map(
    ({ name }) =>
      `${name}: a development token is refused because HOST is no loopback address; set a token of your own`,
  );
}

function missingTokens(entries: readonly TokenEntry[], scopes: readonly TokenScope[]): string[] {
  if (scopes.some((scope) => entries.some((entry) => grants(entry.scope, scope)))) return [];
  const wanted = VARIABLES.filter(({ scope }) => scopes.some((asked) => grants(scope, asked)));
  return [
    `set ${wanted.map(({ name }) => name).join(' or ')} (name:token, …), or AUTH=off on a machine of your own`,
  ];
}
