import { expect, it } from 'vitest';
import { checkHealth } from './health-check.ts';

it('is ok when the thing answers', async () => {
  expect(await checkHealth('redis', async () => 'PONG')).toEqual({ name: 'redis', ok: true });
});

it('names the error by its code and quotes no message', async () => {
  const error = Object.assign(new Error('postgres://u:p@h refused'), { code: 'ECONNREFUSED' });
  const check = await checkHealth('ledger', () => Promise.reject(error));
  expect(check).toEqual({ name: 'ledger', ok: false, detail: 'ECONNREFUSED' });
});

it('names an error without a code by its class', async () => {
  const check = await checkHealth('ledger', () => Promise.reject(new TypeError('x')));
  expect(check.detail).toBe('TypeError');
});
