import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { isSecretField } from './environment-fields.ts';

/** Variables of the environment that are missing or wrong; the message names each with its rule, never its value. */
export class InvalidEnvironment extends Error {
  override readonly name = 'InvalidEnvironment';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`Invalid environment:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/**
 * Reads the environment by a zod object of the variables' names. A blank variable counts as not set. A field
 * marked as a secret may come from a file: `NAME_FILE` names it, and its closing line break is dropped.
 * @throws InvalidEnvironment - names every bad variable at once.
 */
export function readEnvironment<Schema extends z.ZodObject>(
  schema: Schema,
  env: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): z.output<Schema> {
  const problems = new Map<string, string>();
  const values: Record<string, string> = {};
  for (const [name, field] of Object.entries(schema.shape)) {
    const found = isSecretField(field) ? findSecret({ name, env, readText }) : { value: setValue(env[name]) };
    if ('problem' in found) problems.set(found.name, found.problem);
    else if (found.value !== undefined) values[name] = found.value;
  }
  const parsed = schema.safeParse(values);
  if (parsed.success && problems.size === 0) return parsed.data;
  for (const issue of parsed.error?.issues ?? []) {
    const name = issue.path.join('.');
    // A variable whose file could not be read is not reported as missing once more.
    if (!problems.has(name) && !problems.has(`${name}_FILE`)) problems.set(name, ruleOf(issue));
  }
  throw new InvalidEnvironment([...problems].map(([name, rule]) => `${name}: ${rule}`));
}

type Found = { readonly value: string | undefined } | { readonly name: string; readonly problem: string };

function findSecret(of: {
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readText: (path: string) => string;
}): Found {
  const fileName = `${of.name}_FILE`;
  const path = setValue(of.env[fileName]);
  const value = setValue(of.env[of.name]);
  if (path === undefined) return { value };
  if (value !== undefined) return { name: of.name, problem: `set either it or ${fileName}, not both` };
  try {
    return { value: setValue(of.readText(path).replace(/\r?\n$/, '')) };
  } catch {
    // The system's message quotes the path; which variable it was is enough to find it.
    return { name: fileName, problem: 'the file it names cannot be read' };
  }
}

function setValue(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text;
}

function ruleOf(issue: z.core.$ZodIssue): string {
  // Only strings are handed in, so a wrong type is a variable that is not set.
  return issue.code === 'invalid_type' ? 'must be set' : issue.message;
}
