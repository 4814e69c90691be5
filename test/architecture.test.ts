import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '..');
const STYLE = readFileSync(join(ROOT, 'docs', 'house-style.md'), 'utf8');

/** The import table of the house style: folder to what it may import, in the table's own words. */
const TABLE = readTable(STYLE);

/** Words of the table that stand for more than one package of npm. */
const PHRASES: Readonly<Record<string, readonly string[]>> = {
  'a Temporal polyfill': ['temporal-polyfill'],
  'fastify and its plugins': ['fastify', 'fastify-type-provider-zod', 'openapi-types', '@fastify/*'],
  'Bull Board': ['@bull-board/*'],
  'bullmq and its peer': ['bullmq'],
};
const PEERS: Readonly<Record<string, readonly string[]>> = { 'bullmq and its peer': ['ioredis'] };
const TEST_LIBRARIES = ['vitest', 'vitest/*', 'fast-check', '@spendgate/testkit'];

const workspaces = ['packages', 'services'].flatMap((parent) =>
  readdirSync(join(ROOT, parent), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(ROOT, parent, entry.name, 'package.json')))
    .map((entry) => `${parent}/${entry.name}`),
);

describe.each(workspaces)('%s', (folder) => {
  const manifest = readManifest(folder);
  const sources = filesIn(`${folder}/src/**/*.ts`);

  it('stands in the import table', () => {
    expect(Object.keys(TABLE)).toContain(folder);
  });

  it('imports only what the table allows', () => {
    const allowed = allowedImports(folder);
    const strangers = sources.flatMap((file) =>
      importsOf(file)
        .filter((name) => !name.startsWith('.') && !isBuiltin(name))
        .filter((name) => !matches(name, isTest(file) ? [...allowed, ...TEST_LIBRARIES] : allowed))
        .map((name) => `${file} imports ${name}`),
    );
    expect(strangers).toEqual([]);
  });

  it('declares what it imports, and depends on nothing else than the table allows', () => {
    const imported = sources
      .filter((file) => !isTest(file))
      .flatMap(importsOf)
      .filter((name) => !name.startsWith('.') && !isBuiltin(name))
      .map(packageOf);
    const declared = Object.keys(manifest.dependencies);
    expect(imported.filter((name) => !declared.includes(name))).toEqual([]);
    const allowed = [
      ...allowedImports(folder),
      ...(TABLE[folder] ?? []).flatMap((word) => PEERS[word] ?? []),
    ];
    expect(declared.filter((name) => !matches(name, allowed))).toEqual([]);
  });

  it('reaches other packages by name, never by a path', () => {
    const outside = filesIn(`${folder}/{src,test}/**/*.ts`).flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('.'))
        .filter((name) => relative(folder, join(dirname(file), name)).startsWith('..'))
        .map((name) => `${file} imports ${name}`),
    );
    expect(outside).toEqual([]);
  });

  it('lists its public names one by one', () => {
    expect(readFileSync(join(ROOT, folder, 'src', 'index.ts'), 'utf8')).not.toMatch(/export\s*\*/);
  });

  it('has a README of at most a page', () => {
    const readme = readFileSync(join(ROOT, folder, 'README.md'), 'utf8');
    expect(readme.split('\n').length).toBeLessThanOrEqual(80);
  });

  it('takes the testkit for its tests only', () => {
    expect(Object.keys(manifest.dependencies)).not.toContain('@spendgate/testkit');
  });
});

describe('packages/domain', () => {
  const sources = filesIn('packages/domain/src/**/*.ts').filter((file) => !isTest(file));

  it.each([
    ['node: modules', /from\s+['"]node:/],
    ['a clock', /\bDate\.now\(|\bnew Date\(\)|\bTemporal\.Now\b|\bperformance\.now\(/],
    ['the environment', /\bprocess\.env\b/],
    ['asynchrony', /\basync\b|\bawait\b|\bPromise\b/],
  ])('does without %s', (_what, pattern) => {
    expect(sources.filter((file) => pattern.test(codeOf(file)))).toEqual([]);
  });
});

describe('scripts', () => {
  it('imports only what the table allows', () => {
    const strangers = filesIn('scripts/**/*.ts').flatMap((file) =>
      importsOf(file)
        .filter((name) => !name.startsWith('.') && !isBuiltin(name))
        .filter((name) => !matches(name, [...allowedImports('scripts'), '@spendgate/testkit/servers']))
        .map((name) => `${file} imports ${name}`),
    );
    expect(strangers).toEqual([]);
  });

  it('begins with files that need nothing installed', () => {
    const imported = filesIn('scripts/**/*.mjs').flatMap(importsOf);
    expect(imported.filter((name) => !isBuiltin(name) && name !== './bootstrap.mjs')).toEqual([]);
  });
});

describe('every file', () => {
  const files = filesIn('{packages,services}/*/{src,test}/**/*.ts').concat(
    filesIn('{scripts,test}/**/*.{ts,mjs}'),
  );

  it('has at most 400 lines', () => {
    const long = files.filter((file) => readFileSync(join(ROOT, file), 'utf8').split('\n').length > 401);
    expect(long).toEqual([]);
  });

  it('is named after one idea, in kebab-case', () => {
    const names = files.map((file) => [file, file.split(sep).at(-1) ?? ''] as const);
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(int|property))?(\.test)?\.(ts|mjs)$/;
    const vague = /^(utils?|helpers?|common|types?|misc)\./;
    expect(names.filter(([, name]) => !kebab.test(name) || vague.test(name)).map(([file]) => file)).toEqual(
      [],
    );
  });
});

describe('docs/errors.md', () => {
  it('lists every code, and no other', () => {
    const defined = filesIn('{packages,services}/*/src/**/*.ts')
      .filter((file) => !isTest(file))
      .flatMap((file) => [...codeOf(file).matchAll(/\bcode = '([A-Z_]+)'/g)].map(([, code]) => code));
    const listed = [
      ...readFileSync(join(ROOT, 'docs', 'errors.md'), 'utf8').matchAll(/^\|\s*`([A-Z_]+)`/gm),
    ].map(([, code]) => code);
    expect(defined.length).toBeGreaterThan(10);
    expect(new Set(listed)).toEqual(new Set(defined));
    expect(listed.length).toBe(new Set(listed).size);
  });
});

describe('the list of metrics', () => {
  it('names none that no service has', () => {
    const list = 'packages/observability/src/metric-names.ts';
    const code = filesIn('services/*/src/**/*.ts')
      .concat(filesIn('packages/runtime/src/**/*.ts'))
      .filter((file) => !isTest(file))
      .map(codeOf)
      .join('\n');
    const listed = [...codeOf(list).matchAll(/^ {2}'([a-z_]+)',$/gm)].map(([, name]) => name ?? '');
    expect(listed.length).toBeGreaterThan(30);
    expect(listed.filter((name) => !code.includes(`'${name}'`))).toEqual([]);
  });
});

function readTable(text: string): Readonly<Record<string, readonly string[]>> {
  const table: Record<string, readonly string[]> = {};
  for (const line of text.split('\n')) {
    const [, folders, , may] = line.split('|').map((cell) => cell.trim());
    if (folders === undefined || may === undefined || !folders.startsWith('`')) continue;
    const words = may.split(/[,;:]\s*/).map((word) => word.replaceAll('`', ''));
    for (const [, folder] of folders.matchAll(/`([^`]+)`/g)) {
      if (folder !== undefined) table[folder.replace(/\/$/, '')] = words;
    }
  }
  return table;
}

/** Package names and, ending in `*`, beginnings of them. */
function allowedImports(folder: string): readonly string[] {
  const words = TABLE[folder] ?? [];
  if (words.includes('anything')) return ['*'];
  return words.flatMap((word) => {
    if (word === 'packages')
      return workspaces.filter(isPackage).map((of) => `@spendgate/${of.slice('packages/'.length)}`);
    if (workspaces.includes(`packages/${word}`)) return [`@spendgate/${word}`];
    return PHRASES[word] ?? [word];
  });
}

function isPackage(folder: string): boolean {
  return folder.startsWith('packages/') && folder !== 'packages/testkit';
}

function matches(name: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) =>
    entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry,
  );
}

function isBuiltin(name: string): boolean {
  return name.startsWith('node:') || builtinModules.includes(name);
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts');
}

/** `@scope/name/part` and `name/part` come from the packages `@scope/name` and `name`. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

function importsOf(file: string): readonly string[] {
  const patterns = [
    /\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /\bimport\s*\(\s*['"]([^'"]+)['"]/g,
    /\bimport\s+['"]([^'"]+)['"]/g,
  ];
  const code = codeOf(file);
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, name]) => name ?? ''));
}

/** A file's text without its comments. */
function codeOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
}

function filesIn(pattern: string): readonly string[] {
  return globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules/**', '**/dist/**'] });
}

function readManifest(folder: string): { readonly dependencies: Readonly<Record<string, string>> } {
  const shape = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });
  return shape.parse(JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')));
}
