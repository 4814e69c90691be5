import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { flag, httpUrl, integer, nameList, postgresUrl, redisUrl, secret } from './environment-fields.ts';
import { InvalidEnvironment, readEnvironment } from './environment.ts';
import { parseNameList } from './name-list.ts';

const SCHEMA = z.object({
  PORT: integer(1, 65_535).default(4200),
  ENABLED: flag().default(false),
  ALIASES: nameList().default([]),
  DATABASE_URL: postgresUrl(),
  REDIS_URL: redisUrl().optional(),
  LITELLM_URL: httpUrl().optional(),
  TOKEN: secret().optional(),
  FAIL_MODE: z.enum(['open', 'closed']).default('open'),
});
const DATABASE_URL = 'postgres://u:p@localhost/db';

function read(
  env: Readonly<Record<string, string | undefined>>,
  files: Readonly<Record<string, string>> = {},
) {
  return readEnvironment(SCHEMA, { DATABASE_URL, ...env }, (path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT ${path}`);
    return text;
  });
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof InvalidEnvironment)) throw error;
    return error.problems;
  }
}

describe('readEnvironment', () => {
  it('fills in defaults, for blank variables too', () => {
    expect(read({ PORT: '', ENABLED: '  ', ALIASES: undefined, OTHER: 'x' })).toEqual({
      PORT: 4200,
      ENABLED: false,
      ALIASES: [],
      DATABASE_URL,
      FAIL_MODE: 'open',
    });
  });

  it.each([
    ['PORT', '65535', 65_535],
    ['PORT', ' 1 ', 1],
    ['ENABLED', 'TRUE', true],
    ['ENABLED', '1', true],
    ['ENABLED', 'on', true],
    ['ENABLED', 'off', false],
    ['ENABLED', '0', false],
    ['ENABLED', 'no', false],
    ['ALIASES', 'opus, o1,,', ['opus', 'o1']],
    ['ALIASES', '["opus","a,b"]', ['opus', 'a,b']],
    ['REDIS_URL', 'rediss://x:6379/1', 'rediss://x:6379/1'],
    ['LITELLM_URL', 'http://localhost:4000', 'http://localhost:4000'],
    ['FAIL_MODE', 'closed', 'closed'],
    ['TOKEN', 'name:token', 'name:token'],
  ])('reads %s=%s', (name, text, value) => {
    expect(read({ [name]: text })).toMatchObject({ [name]: value });
  });

  it.each([
    ['PORT', '0', 'PORT: must be a whole number from 1 to 65535'],
    ['PORT', '1.5', 'PORT: must be a whole number from 1 to 65535'],
    ['PORT', '1e3', 'PORT: must be a whole number from 1 to 65535'],
    ['PORT', '0x10', 'PORT: must be a whole number from 1 to 65535'],
    ['ENABLED', 'maybe', 'ENABLED: must be true or false (or 1/0, on/off, yes/no)'],
    ['ENABLED', 'constructor', 'ENABLED: must be true or false (or 1/0, on/off, yes/no)'],
    ['ALIASES', '["opus"', 'ALIASES: must be comma-separated names or a JSON list of texts'],
    ['ALIASES', '[1]', 'ALIASES: must be comma-separated names or a JSON list of texts'],
    [
      'DATABASE_URL',
      'mysql://x',
      'DATABASE_URL: must be a URL that begins with postgres:// or postgresql://',
    ],
    ['DATABASE_URL', '', 'DATABASE_URL: must be set'],
    ['REDIS_URL', 'redis://[', 'REDIS_URL: must be a URL that begins with redis:// or rediss://'],
    ['FAIL_MODE', 'Open', 'FAIL_MODE: Invalid option: expected one of "open"|"closed"'],
  ])('refuses %s=%s', (name, text, problem) => {
    expect(problemsOf(() => read({ [name]: text }))).toEqual([problem]);
  });

  it('names every bad variable at once, and never a value', () => {
    const run = (): unknown =>
      read({ PORT: 'hunter2', ENABLED: 'hunter2', DATABASE_URL: 'hunter2', FAIL_MODE: 'hunter2' });
    expect(problemsOf(run)).toHaveLength(4);
    expect(problemsOf(run).join()).not.toContain('hunter2');
  });

  it('reads a secret from the file that NAME_FILE names, without its closing line break', () => {
    expect(read({ TOKEN_FILE: '/run/t' }, { '/run/t': 'name:token\n' })).toMatchObject({
      TOKEN: 'name:token',
    });
    const found = read(
      { DATABASE_URL: '', DATABASE_URL_FILE: '/run/d' },
      { '/run/d': `${DATABASE_URL}\r\n` },
    );
    expect(found.DATABASE_URL).toBe(DATABASE_URL);
  });

  it('refuses a secret that is given twice, or whose file cannot be read, once each and without the path', () => {
    expect(problemsOf(() => read({ TOKEN: 'a', TOKEN_FILE: 'b' }))).toEqual([
      'TOKEN: set either it or TOKEN_FILE, not both',
    ]);
    expect(problemsOf(() => read({ DATABASE_URL: '', DATABASE_URL_FILE: '/secret' }))).toEqual([
      'DATABASE_URL_FILE: the file it names cannot be read',
    ]);
  });

  it('reads no file for a variable that is no secret', () => {
    expect(read({ PORT_FILE: '/run/t' }).PORT).toBe(4200);
  });
});

describe('parseNameList', () => {
  it.each([
    ['', []],
    [' , ', []],
    ['a', ['a']],
    [' a , b c ', ['a', 'b c']],
    ['[]', []],
    [' ["a", " b "] ', ['a', 'b']],
  ])('reads %j', (text, names) => {
    expect(parseNameList(text)).toEqual(names);
  });

  it('refuses a broken JSON list without quoting it', () => {
    expect(() => parseNameList('[hunter2')).toThrow(
      /^must be comma-separated names or a JSON list of texts$/,
    );
  });
});
