import {
  InvariantBroken,
  LedgerRefusedData,
  LedgerUnavailable,
  SchemaOutdated,
  StaleRules,
} from '@spendgate/domain';
import { inspect } from 'node:util';
import pg from 'pg';
import { expect, it } from 'vitest';
import { translateFailure } from './translate-failure.ts';

function databaseError(code: string): Error {
  return Object.assign(new pg.DatabaseError('value "secret"', 0, 'error'), {
    code,
    constraint: 'ids_check',
    detail: 'Failing row contains (secret-detail).',
    where: 'COPY events, line 1: "secret-where"',
    hint: 'secret-hint',
    internalQuery: 'secret-query',
  });
}

it.each([
  ['40P01', LedgerUnavailable],
  ['40001', LedgerUnavailable],
  ['55P03', LedgerUnavailable],
  ['25006', LedgerUnavailable],
  ['53300', LedgerUnavailable],
  ['57014', LedgerUnavailable],
  ['57P01', LedgerUnavailable],
  ['08006', LedgerUnavailable],
  ['SG001', StaleRules],
  ['22003', LedgerRefusedData],
  ['23514', LedgerRefusedData],
  ['42501', LedgerUnavailable],
  ['XX000', LedgerUnavailable],
  ['XX001', LedgerUnavailable],
  ['42P01', SchemaOutdated],
  ['42601', InvariantBroken],
  ['SG002', InvariantBroken],
] as const)('SQLSTATE %s is told as what its caller can do about it', (code, expected) => {
  const translated = translateFailure(databaseError(code));
  expect(translated).toBeInstanceOf(expected);
  expect(translated.cause).toMatchObject({ code, constraint: 'ids_check' });
});

it.each(['40P01', '42501', '42601', 'SG002'])('keeps rows out of the causes of %s', (code) => {
  expect(inspect(translateFailure(databaseError(code)), { depth: 9 })).not.toMatch(/secret-/u);
});

it.each(['22P02', '23514', 'XX000'])('keeps what PostgreSQL quotes out of %s altogether', (code) => {
  expect(inspect(translateFailure(databaseError(code)), { depth: 9 })).not.toContain('secret');
});

it('says what is missing when the role may not do it', () => {
  expect(translateFailure(databaseError('42501')).message).toContain('grant it to the role');
});

it('a connection that is refused, reset or silent means: come again', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  for (const cause of [refused, new AggregateError([refused]), new Error('Query read timeout')]) {
    expect(translateFailure(cause)).toBeInstanceOf(LedgerUnavailable);
  }
});

it('a bug on this side is no outage', () => {
  expect(translateFailure(new TypeError('undefined is not a function'))).toBeInstanceOf(InvariantBroken);
});
