import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { liteLlmBlock } from '../scripts/connect-hints.ts';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

/** The names of the variables a service's schema takes: keys in capitals, and tokens given by `tokenFields`. */
function variablesOf(service: string): readonly string[] {
  const source = read(`services/${service}/src/config.ts`);
  const keys = [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gmu)].map((match) => match[1] ?? '');
  return keys.filter((name) => !name.endsWith('_FILE'));
}

it.each(['ingest', 'enforcer', 'jobs'])('names every setting of %s with its default', (service) => {
  const variables = variablesOf(service);
  expect(variables.length).toBeGreaterThan(8);
  const documented = new Set(
    [...readme.matchAll(/^\| (`[^|]+) \|/gmu)].flatMap((row) =>
      [...(row[1] ?? '').matchAll(/`([A-Z0-9_]+)`/gu)].map((name) => name[1]),
    ),
  );
  expect(variables.filter((name) => !documented.has(name))).toEqual([]);
});

it('links only to files that exist', () => {
  const links = [...readme.matchAll(/\]\(((?!https?:)[^)#]+)\)/gu)].map((match) => match[1] ?? '');
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter((link) => !existsSync(new URL(`../${link}`, import.meta.url)))).toEqual([]);
});

it('gives the LiteLLM block that the commands print', () => {
  const block = liteLlmBlock({ endpoint: 'http://127.0.0.1:4100/v1/events', token: 'dev-ingest-token' });
  for (const line of block) expect(readme).toContain(line);
});
