import {
  InvariantBroken,
  LedgerRefusedData,
  LedgerUnavailable,
  SchemaOutdated,
  StaleRules,
} from '@spendgate/domain';
import pg from 'pg';
import { expect, it } from 'vitest';
import { translateFailure } from './translate-failure.ts';

function databaseError(code: string): Error {
  return Object.assign(new pg.DatabaseError('value "secret"', 0, 'error'), { code });
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
  ['42P01', SchemaOutdated],
  ['42601', InvariantBroken],
  ['SG002', InvariantBroken],
] as const)('SQLSTATE %s is told as what its caller can do about it', (code, expected) => {
  const cause = databaseError(code);
  const translated = translateFailure(cause);
  expect(translated).toBeInstanceOf(expected);
  expect(translated.cause).toBe(cause);
});

it('keeps the data that PostgreSQL quotes out of the message', () => {
  expect(translateFailure(databaseError('22P02')).message).not.toContain('secret');
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
