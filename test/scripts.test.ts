import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { liteLlmBlock } from '../scripts/connect-hints.ts';
import { localPorts } from '../scripts/local-ports.ts';
import { demoTokens, localTokens } from '../scripts/local-tokens.ts';
import { readFailure, readLogLine } from '../scripts/log-line.ts';

it('uses the well-known tokens only where none are set', () => {
  const tokens = localTokens({ INGEST_TOKENS: 'litellm:secret', READ_TOKENS_FILE: '/run/read' });
  expect(tokens.madeUp).toEqual(['ENFORCER_TOKENS', 'ADMIN_TOKENS']);
  expect(tokens.env).toEqual({
    INGEST_TOKENS: 'litellm:secret',
    ENFORCER_TOKENS: 'dev:dev-check-token',
    READ_TOKENS_FILE: '/run/read',
    ADMIN_TOKENS: 'dev:dev-admin-token',
  });
  expect(tokens.known).toMatchObject({ INGEST_TOKENS: null, ENFORCER_TOKENS: 'dev-check-token' });
});

it('gives the demo a token of its own beside the operator’s', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spendgate-tokens-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'tokens');
  writeFileSync(file, 'ops:from-file\n');
  const { env, known } = demoTokens({ INGEST_TOKENS: 'litellm:secret', ADMIN_TOKENS_FILE: file });
  expect(env['INGEST_TOKENS']).toBe(`litellm:secret\ndemo:${known.INGEST_TOKENS}`);
  expect(env['ADMIN_TOKENS']).toBe(`ops:from-file\ndemo:${known.ADMIN_TOKENS}`);
  expect(env['ADMIN_TOKENS_FILE']).toBeUndefined();
  expect(known.ENFORCER_TOKENS).toBe('dev-check-token');
});

it('names the port that is taken and the variable that chooses another', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const taken = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(localPorts({ INGEST_PORT: String(taken) })).rejects.toThrow(
    new RegExp(`Port ${taken} \\(ingest\\) is taken.*INGEST_PORT=`),
  );
});

it.each(['http', '0', '70000', '41.5'])('refuses %s as a port', async (text) => {
  await expect(localPorts({ INGEST_PORT: text })).rejects.toThrow('INGEST_PORT must be a port');
});

it('turns a JSON log line into one for people', () => {
  const line = JSON.stringify({
    level: 'warn',
    time: '2026-11-22T10:00:00Z',
    msg: 'slow',
    service: 'jobs',
    ms: 12,
  });
  const { level, text } = readLogLine(line);
  expect(level).toBe(40);
  expect(text).toMatch(/warn {2}slow ms=12$/);
  expect(readLogLine('{ no json').text).toBe('{ no json');
});

it('shows the problems of an error one a line, without its stack, in a line for people', () => {
  const err = { type: 'InvalidConfigFiles', message: 'Unusable:\n  b.yaml:2: is missing', stack: 'at x' };
  const line = JSON.stringify({ level: 'fatal', msg: 'could not start', err: { ...err, cause: err } });
  expect(readLogLine(line).text).toContain('could not start: Unusable:\n  b.yaml:2: is missing (Unusable:');
  expect(readLogLine(line).text).not.toContain('at x');
});

it('tells why a service could not start by what its fatal line says', () => {
  const fatal = JSON.stringify({ level: 'fatal', msg: 'could not start', err: { type: 'E', message: 'no' } });
  const stopped = JSON.stringify({ level: 'info', msg: 'stopped' });
  expect(readFailure(`jobs ended at its start:\n${fatal}\n${stopped}\n`)).toBe('could not start: no');
  expect(readFailure('cannot find module\n')).toBe('cannot find module');
});

it('prints the block that LiteLLM’s config needs', () => {
  const block = liteLlmBlock({ endpoint: 'http://127.0.0.1:4100/v1/events', token: 'dev-ingest-token' });
  expect(block.join('\n')).toContain(
    'callback_type: generic_api\n    endpoint: http://127.0.0.1:4100/v1/events',
  );
});
