import { expect, it } from 'vitest';
import { grants, sameSecret } from './tokens.ts';
import type { TokenScope } from './tokens.ts';

const SCOPES: readonly TokenScope[] = ['ingest', 'check', 'read', 'admin'];

it.each<[TokenScope, readonly TokenScope[]]>([
  ['ingest', ['ingest']],
  ['check', ['check']],
  ['read', ['check', 'read']],
  ['admin', ['check', 'read', 'admin']],
])('lets %s do %j and no more', (scope, allowed) => {
  expect(SCOPES.filter((wanted) => grants(scope, wanted))).toEqual(allowed);
});

it('compares secrets of different lengths without failing', () => {
  expect(sameSecret({ sent: 'a', expected: 'abc' })).toBe(false);
  expect(sameSecret({ sent: 'abc', expected: 'abc' })).toBe(true);
});
