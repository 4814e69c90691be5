import { stat } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { withinTime } from './within-time.ts';

const late = () => new Error('late');

it('gives what the work gives, and its failure', async () => {
  expect(await withinTime({ timeoutMs: 1_000, late }, Promise.resolve(7))).toBe(7);
  const failed = Promise.reject(new Error('away'));
  await expect(withinTime({ timeoutMs: 1_000, late }, failed)).rejects.toThrow('away');
});

it('gives up work that does not end', async () => {
  const endless = new Promise(() => undefined);
  await expect(withinTime({ timeoutMs: 1, late }, endless)).rejects.toThrow('late');
});

it('does not take a stall of this process for an answer that did not come', async () => {
  // From here, timers are what this process looks at next.
  await new Promise((resolve) => setImmediate(resolve));
  const answer = withinTime({ timeoutMs: 20, late }, stat(import.meta.filename));
  const untilMs = performance.now() + 100;
  while (performance.now() < untilMs);
  expect((await answer).size).toBeGreaterThan(0);
});
