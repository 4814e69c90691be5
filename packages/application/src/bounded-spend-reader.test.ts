import { expect, it } from 'vitest';
import { Overloaded } from '@spendgate/domain';
import { boundedSpendReader } from './bounded-spend-reader.ts';
import type { SpendReading } from './counter-copy-port.ts';

const READING: SpendReading = { health: 'whole', rulesVersion: 1, spentNanoUsd: [] };
const QUESTION = { subjects: [], timeoutMs: 50 };

it('refuses a read beyond the bound at once, and takes reads again when one has ended', async () => {
  const first = Promise.withResolvers<SpendReading>();
  const answers = [first.promise, Promise.resolve(READING)];
  const reader = boundedSpendReader({ read: async () => (await answers.shift()) ?? READING }, 1);
  const running = reader.read(QUESTION);
  await expect(reader.read(QUESTION)).rejects.toBeInstanceOf(Overloaded);
  first.resolve(READING);
  await running;
  await expect(reader.read(QUESTION)).resolves.toBe(READING);
});

it('frees the place of a read that failed', async () => {
  const reader = boundedSpendReader({ read: async () => Promise.reject(new Error('gone')) }, 1);
  await expect(reader.read(QUESTION)).rejects.toThrow('gone');
  await expect(reader.read(QUESTION)).rejects.toThrow('gone');
});
