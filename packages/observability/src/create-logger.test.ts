import { expect, it } from 'vitest';
import { createLogger } from './create-logger.ts';

function capture(level: 'info' | 'warn' = 'info') {
  const lines: string[] = [];
  const logger = createLogger({ service: 'ingest', level }, { write: (line) => void lines.push(line) });
  return { logger, lines, last: (): unknown => JSON.parse(lines.at(-1) ?? '{}') };
}

it('writes one JSON line with level, ISO time, service and message', () => {
  const { logger, last } = capture();
  logger.info({ batch: 3 }, 'counted');
  expect(last()).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/u),
    service: 'ingest',
    batch: 3,
    msg: 'counted',
  });
});

it('keeps quiet below its level', () => {
  const { logger, lines } = capture('warn');
  logger.info('nothing to see');
  expect(lines).toEqual([]);
});

it.each([
  [{ authorization: 'Bearer s3cret' }],
  [{ headers: { authorization: 'Bearer s3cret' } }],
  [{ req: { headers: { cookie: 's3cret' } } }],
  [{ token: 's3cret' }],
  [{ options: { password: 's3cret' } }],
])('does not write the secret of %j', (record) => {
  const { logger, lines } = capture();
  logger.info(record, 'asked');
  expect(lines.join('')).not.toContain('s3cret');
});

it('writes of an error its class, code, message, stack and causes, not what libraries hang on it', () => {
  const { logger, lines, last } = capture();
  const cause = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED', row: 'john@company.com' });
  logger.error({ err: new Error('could not record', { cause }) }, 'failed');
  expect(last()).toMatchObject({
    err: {
      type: 'Error',
      message: 'could not record',
      cause: { code: 'ECONNREFUSED', message: 'connect failed' },
    },
  });
  expect(lines.join('')).not.toContain('john@company.com');
});

it('strips the credentials of addresses from messages and stacks', () => {
  const { logger, lines } = capture();
  logger.error({ err: new Error('no answer from redis://default:hunter2@redis:6379/0') }, 'failed');
  expect(lines.join('')).not.toContain('hunter2');
  expect(lines.join('')).toContain('redis://[redacted]@redis:6379/0');
});
