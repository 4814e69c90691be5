import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseTokens } from './parse-tokens.ts';
import type { TokenEnvironment } from './parse-tokens.ts';

const parse = (
  env: TokenEnvironment,
  of: { host?: string; scopes?: readonly ('ingest' | 'check' | 'read')[] } = {},
) => parseTokens({ env, auth: 'on', host: of.host ?? '127.0.0.1', scopes: of.scopes ?? ['check'] });

const problemsOf = (env: TokenEnvironment, host?: string): string => {
  try {
    parse(env, host === undefined ? {} : { host });
    return '';
  } catch (error) {
    return String(error);
  }
};

it('finds the holder of a token by name and scope', () => {
  const tokens = parse({ ENFORCER_TOKENS: 'litellm:s3cret-a, codemie:s3cret-b' });
  expect(tokens.find('Bearer s3cret-b')).toEqual({ name: 'codemie', scope: 'check' });
  expect(tokens.find('bearer s3cret-a')).toEqual({ name: 'litellm', scope: 'check' });
});

it('takes a token given by its SHA-256, in any case', () => {
  const hex = createHash('sha256').update('s3cret').digest('hex').toUpperCase();
  expect(parse({ READ_TOKENS: `grafana:sha256:${hex}` }).find('Bearer s3cret')?.name).toBe('grafana');
});

it('keeps colons in tokens', () => {
  expect(parse({ READ_TOKENS: 'a:b:c' }).find('Bearer b:c')?.name).toBe('a');
});

it.each([
  ['nothing', undefined],
  ['a token nobody has', 'Bearer nope'],
  ['another scheme', 'Basic s3cret'],
  ['the bare token', 's3cret'],
  ['an empty token', 'Bearer '],
  ['an over-long header', `Bearer ${'x'.repeat(5_000)}`],
  ['a token with more behind it', 'Bearer s3cret x'],
])('knows nobody by %s', (_what, header) => {
  expect(parse({ READ_TOKENS: 'a:s3cret' }).find(header)).toBeUndefined();
});

it('reads entries from a file, one a line, with comments', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'tokens-')), 'read');
  writeFileSync(file, '# who may read\r\ngrafana:s3cret-a\r\n\nops:s3cret-b\n');
  expect(parse({ READ_TOKENS_FILE: file }).find('Bearer s3cret-b')?.name).toBe('ops');
});

it.each([
  ['no name', 'hunter2hunter2', 'READ_TOKENS, entry 1: must be name:token'],
  ['a bad name', 'hunter2 hunter2:x', 'READ_TOKENS, entry 1: the name must be'],
  ['an empty token', 'ops:', 'the token of "ops" is empty'],
  ['a token with blanks', 'ops:hunter2 hunter2', 'must be 1 to 512 visible ASCII'],
  ['a short hash', 'ops:sha256:hunter2', 'must be 64 hexadecimal digits'],
  ['a name twice', 'ops:hunter2a,ops:hunter2b', 'READ_TOKENS, entry 2: the name "ops" is there twice'],
  ['a token twice', 'a:hunter2,b:hunter2', '"a" (read) and "b" (read) have the same token'],
])('refuses %s without printing what was given', (_what, given, message) => {
  const problems = problemsOf({ READ_TOKENS: given });
  expect(problems).toContain(message);
  expect(problems).not.toContain('hunter2');
});

it('names all faults at once', () => {
  const problems = problemsOf({
    READ_TOKENS: 'x',
    ADMIN_TOKENS: 'ops:',
    ENFORCER_TOKENS_FILE: '/nonexistent',
  });
  expect(problems).toContain('READ_TOKENS, entry 1');
  expect(problems).toContain('"ops" is empty');
  expect(problems).toContain('ENFORCER_TOKENS_FILE names a file that cannot be read');
});

it('refuses a variable that is set both ways', () => {
  expect(problemsOf({ READ_TOKENS: 'a:b', READ_TOKENS_FILE: '/x' })).toContain('both set');
});

it('refuses the same token in two scopes', () => {
  expect(problemsOf({ READ_TOKENS: 'a:s3cret', ADMIN_TOKENS: 'b:s3cret' })).toContain('have the same token');
});

it('refuses to start without a token for any of its routes, naming the variables', () => {
  expect(problemsOf({})).toContain('set ENFORCER_TOKENS or READ_TOKENS or ADMIN_TOKENS');
  expect(() => parse({ ADMIN_TOKENS: 'a:b' }, { scopes: ['ingest'] })).toThrow('set INGEST_TOKENS (');
});

it.each(['0.0.0.0', '10.0.0.1', '::', 'spendgate.internal'])(
  'refuses development tokens on %s, given as they are or hashed',
  (host) => {
    const hex = createHash('sha256').update('dev-read-token').digest('hex');
    expect(problemsOf({ ADMIN_TOKENS: 'dev:dev-admin-token' }, host)).toContain('development token');
    expect(problemsOf({ READ_TOKENS: `dev:sha256:${hex}` }, host)).toContain('development token');
  },
);

it('names the variable that holds a development token off loopback', () => {
  expect(problemsOf({ ADMIN_TOKENS: 'dev:dev-admin-token' }, '0.0.0.0')).toContain('ADMIN_TOKENS: a dev');
});

it.each(['127.0.0.1', '127.0.1.9', 'localhost', '::1'])('allows development tokens on %s', (host) => {
  expect(problemsOf({ READ_TOKENS: 'dev:dev-read-token' }, host)).toBe('');
});

it('asks for no tokens with AUTH=off on loopback', () => {
  const tokens = parseTokens({ env: {}, auth: 'off', host: '127.0.0.1', scopes: ['check'] });
  expect(tokens.required).toBe(false);
});

it('refuses AUTH=off where others could reach it, unless the longer word says so', () => {
  const of = { env: {}, host: '0.0.0.0', scopes: ['check'] } as const;
  expect(() => parseTokens({ ...of, auth: 'off' })).toThrow('AUTH=off is refused');
  expect(parseTokens({ ...of, auth: 'off-on-all-interfaces' }).required).toBe(false);
});
