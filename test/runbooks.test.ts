import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { METRIC_NAMES } from '@spendgate/observability';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const runbooks = globSync('docs/runbooks/*.md', { cwd: ROOT }).map((file) => ({
  file,
  text: readFileSync(join(ROOT, file), 'utf8'),
}));

function matches(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, found]) => found ?? '');
}

describe.each(runbooks)('$file', ({ file, text }) => {
  it('names metrics that exist', () => {
    const known: readonly string[] = METRIC_NAMES;
    const named = matches(text, /\bspendgate_([a-z_]+)/g);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('names commands that exist', () => {
    const manifest = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
    const named = matches(text, /npm run ([a-z:]+)/g);
    expect(named.filter((name) => manifest.scripts[name] === undefined)).toEqual([]);
  });

  it('names settings that the README lists', () => {
    const named = matches(text, /`([A-Z][A-Z_]+_[A-Z_]+)`/g).filter((name) => !name.startsWith('BUDGET_'));
    expect(named.filter((name) => !README.includes(name))).toEqual([]);
  });

  it('links to what exists, and is linked from the README', () => {
    const targets = matches(text, /\]\(([^)#]+)\)/g).filter((target) => !target.includes('://'));
    expect(targets.filter((target) => !existsSync(join(ROOT, dirname(file), target)))).toEqual([]);
    expect(README).toContain(`(${file})`);
  });

  it('is at most a page', () => {
    expect(text.split('\n').length).toBeLessThanOrEqual(60);
  });
});
