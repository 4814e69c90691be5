import { expect, it } from 'vitest';
import { z } from 'zod';
import { integer } from './environment-fields.ts';
import { readEnvironment } from './environment.ts';
import { readTogether } from './read-together.ts';

const readPort = (env: Record<string, string>) => () =>
  readEnvironment(z.object({ PORT: integer(1, 65_535), URL: z.string() }), env);
const refuse = (problems: readonly string[]) => () => {
  throw Object.assign(new Error('refused'), { problems });
};

it('gives both parts when nothing is wrong', () => {
  expect(readTogether(readPort({ PORT: '7', URL: 'x' }), () => 'tokens')).toEqual([
    { PORT: 7, URL: 'x' },
    'tokens',
  ]);
});

it('names the problems of every part and check at once', () => {
  const read = () =>
    readTogether(
      readPort({ PORT: 'x' }),
      refuse(['set TOKENS']),
      refuse(['A and B: set both or none']),
      () => {
        throw new Error('another');
      },
    );
  expect(read).toThrow(
    expect.objectContaining({
      problems: [
        expect.stringContaining('PORT'),
        expect.stringContaining('URL'),
        'set TOKENS',
        'A and B: set both or none',
        'another',
      ],
    }),
  );
});

it('throws when only a further check fails', () => {
  expect(() =>
    readTogether(
      () => 1,
      () => 2,
      refuse(['no']),
    ),
  ).toThrow(/no/u);
});
