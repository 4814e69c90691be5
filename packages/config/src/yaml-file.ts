import { LineCounter, isAlias, isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import type { z } from 'zod';
import type { ConfigProblem } from './config-problem.ts';

/** Where in a file: keys and positions in lists, from the top. */
export type YamlPath = readonly (string | number)[];

/** A YAML file as plain values, with the places they stand at. */
export interface YamlFile {
  /** Null for an empty file. */
  readonly value: unknown;
  problemAt(path: YamlPath, message: string): ConfigProblem;
  /** Whether the text at the path stands without quotes. */
  isUnquoted(path: YamlPath): boolean;
}

export type ReadYaml =
  | { readonly file: YamlFile; readonly problems: readonly ConfigProblem[] }
  | { readonly file: null; readonly problems: readonly ConfigProblem[] };

const MAX_FILE_CHARACTERS = 1_000_000;
const MAX_ALIASES = 100;

/**
 * Reads YAML 1.2. Keys that stand twice are problems of the file as it is read further; a text that is no YAML
 * gives its problems and no file.
 */
export function readYaml(text: string): ReadYaml {
  if (text.length > MAX_FILE_CHARACTERS) {
    return broken([{ path: '', message: `must be at most ${MAX_FILE_CHARACTERS} characters long` }]);
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    uniqueKeys: false,
    prettyErrors: false,
    strict: true,
    version: '1.2',
  });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    return broken(
      faults.map(({ pos, code, message }) => ({
        line: lineCounter.linePos(pos[0]).line,
        path: '',
        message: code === 'MULTIPLE_DOCS' ? 'must be one document' : `is not valid YAML: ${message}`,
      })),
    );
  }
  return toFile(document, lineCounter);
}

/** What a schema found wrong in a file, each problem with its line; unknown keys one by one. */
export function schemaProblems(file: YamlFile, error: z.ZodError, under: YamlPath): readonly ConfigProblem[] {
  return error.issues.flatMap((issue) => {
    const path = [...under, ...issue.path.filter((step) => typeof step !== 'symbol')];
    if (issue.code !== 'unrecognized_keys') return [file.problemAt(path, issue.message)];
    return issue.keys.map((key) => file.problemAt([...path, key], 'is not a known key'));
  });
}

function broken(problems: readonly ConfigProblem[]): ReadYaml {
  return { file: null, problems };
}

function toFile(document: Document, lineCounter: LineCounter): ReadYaml {
  const places: Places = { document, lineCounter };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    return broken([{ path: '', message: 'refers to an anchor that it lacks, or to its anchors too often' }]);
  }
  const file: YamlFile = {
    value,
    problemAt: (path, message) => problem(places, path, message),
    isUnquoted: (path) => {
      const node = nodeAt(places, path)?.value;
      return isScalar(node) && node.type === 'PLAIN';
    },
  };
  return { file, problems: duplicateKeys(places, document.contents, []) };
}

interface Places {
  readonly document: Document;
  readonly lineCounter: LineCounter;
}

function problem(places: Places, path: YamlPath, message: string): ConfigProblem {
  // Something missing has no place of its own: its nearest ancestor says where it belongs.
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = nodeAt(places, path.slice(0, length))?.offset;
    if (offset !== undefined) {
      return { line: places.lineCounter.linePos(offset).line, path: pathText(path), message };
    }
  }
  return { line: 1, path: pathText(path), message };
}

interface Place {
  readonly value: unknown;
  /** Of the key where there is one, for a value may begin on a later line. */
  readonly offset: number | undefined;
}

function nodeAt(places: Places, path: YamlPath): Place | undefined {
  let place: Place | undefined = {
    value: places.document.contents,
    offset: startOf(places.document.contents),
  };
  for (const step of path) {
    place = place === undefined ? undefined : stepInto(resolved(places, place.value), step);
  }
  return place;
}

function stepInto(node: unknown, step: string | number): Place | undefined {
  if (isSeq(node) && typeof step === 'number') {
    const item: unknown = node.items[step];
    return item === undefined ? undefined : { value: item, offset: startOf(item) };
  }
  if (!isMap(node)) return undefined;
  // The last one of a key that stands twice is the one whose value counts.
  const pair = node.items.findLast(({ key }) => keyText(key) === String(step));
  return pair === undefined ? undefined : { value: pair.value, offset: startOf(pair.key) };
}

function duplicateKeys(places: Places, node: unknown, path: YamlPath): readonly ConfigProblem[] {
  if (isSeq(node)) {
    return node.items.flatMap((item, index) => duplicateKeys(places, item, [...path, index]));
  }
  if (!isMap(node)) return [];
  const seen = new Set<string>();
  return node.items.flatMap((pair) => {
    if (!isPair(pair)) return [];
    const key = keyText(pair.key);
    const below = duplicateKeys(places, pair.value, [...path, key]);
    if (!seen.has(key)) {
      seen.add(key);
      return below;
    }
    const offset = startOf(pair.key);
    const line = offset === undefined ? {} : { line: places.lineCounter.linePos(offset).line };
    return [{ ...line, path: pathText([...path, key]), message: 'stands here twice' }, ...below];
  });
}

function resolved(places: Places, node: unknown): unknown {
  return isAlias(node) ? node.resolve(places.document) : node;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function startOf(node: unknown): number | undefined {
  return hasRange(node) ? node.range[0] : undefined;
}

function hasRange(node: unknown): node is { readonly range: NonNullable<Node['range']> } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}

function pathText(path: YamlPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
