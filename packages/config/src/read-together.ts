import { InvalidEnvironment } from './environment.ts';

/**
 * Reads two parts of the environment and runs further checks of it, all of them even after one failed, so
 * that every bad variable is named at once.
 * @throws InvalidEnvironment - with the problems of all; an error without `problems` counts as one.
 */
export function readTogether<First, Second>(
  first: () => First,
  second: () => Second,
  ...checks: readonly (() => void)[]
): readonly [First, Second] {
  const one = attempt(first);
  const other = attempt(second);
  const rest = checks.map((check) => attempt(check));
  const problems = [one, other, ...rest].flatMap((tried) => tried.problems);
  if (!('value' in one) || !('value' in other) || problems.length > 0) throw new InvalidEnvironment(problems);
  return [one.value, other.value];
}

type Attempt<Value> =
  { readonly value: Value; readonly problems: readonly [] } | { readonly problems: readonly string[] };

function attempt<Value>(read: () => Value): Attempt<Value> {
  try {
    return { value: read(), problems: [] };
  } catch (error) {
    return { problems: problemsOf(error) };
  }
}

function problemsOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [String(error)];
  const problems: unknown = 'problems' in error ? error.problems : undefined;
  if (!Array.isArray(problems) || problems.length === 0) return [error.message];
  return problems.map(String);
}
