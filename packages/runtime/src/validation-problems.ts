import type { ZodFastifySchemaValidationError } from 'fastify-type-provider-zod';

/** One thing wrong with a request. `path` is dotted, empty for the whole of it; values are never quoted. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

const MAX_PROBLEMS = 50;
const MAX_TEXT_LENGTH = 200;

/** At most 50 problems, an unknown field each under its own path. */
export function validationProblems(found: readonly ZodFastifySchemaValidationError[]): readonly Problem[] {
  return found
    .flatMap((one): Problem[] => {
      const path = one.instancePath.slice(1).replaceAll('/', '.');
      const unknown = unknownFields(one);
      return unknown.length === 0
        ? [{ path: cut(path), message: cut(one.message ?? 'Invalid input') }]
        : unknown.map((key) => ({
            path: cut(path === '' ? key : `${path}.${key}`),
            message: 'Unknown field',
          }));
    })
    .slice(0, MAX_PROBLEMS);
}

function unknownFields(one: ZodFastifySchemaValidationError): string[] {
  if (one.keyword !== 'unrecognized_keys') return [];
  const keys: unknown = one.params['keys'];
  return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
}

function cut(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH)}…`;
}
