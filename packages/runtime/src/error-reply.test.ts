import {
  BudgetError,
  InvalidDuration,
  LedgerUnavailable,
  SchemaOutdated,
  StaleRules,
} from '@spendgate/domain';
import { expect, it } from 'vitest';
import { toErrorReply } from './error-reply.ts';

class LiteLlmFailed extends BudgetError {
  readonly code = 'BUDGET_LITELLM_FAILED';
  readonly retryable = true;
}

it.each([
  ['bad input', new InvalidDuration('"1y" is no duration'), 400, 'invalid_request'],
  ['a store that is away', new LedgerUnavailable('connection refused'), 503, 'unavailable'],
  ['stale rules', new StaleRules('published 4, batch 3'), 503, 'unavailable'],
  ['a failure of LiteLLM', new LiteLlmFailed('500 from /budget/list'), 502, 'upstream_failed'],
  ['what no caller can mend', new SchemaOutdated('schema 3, need 4'), 500, 'internal_error'],
  ['a mistake of ours', new TypeError('x is undefined'), 500, 'internal_error'],
  ['something thrown that is no error', 'oops', 500, 'internal_error'],
])('answers %s with its status', (_what, error, status, type) => {
  expect(toErrorReply(error, 'r-1')).toMatchObject({ status, body: { error: { type } } });
});

it('says when to come again only where that helps', () => {
  expect(toErrorReply(new LedgerUnavailable('x'), 'r-1').retryAfterSeconds).toBe(1);
  expect(toErrorReply(new Error('x'), 'r-1').retryAfterSeconds).toBeUndefined();
});

it('quotes what was wrong with the input, and no inner message otherwise', () => {
  expect(toErrorReply(new InvalidDuration('"1y" is no duration'), 'r').body.error.message).toContain('1y');
  const inner = [
    new LedgerUnavailable('at 10.0.0.7'),
    new Error('at 10.0.0.7'),
    new LiteLlmFailed('at 10.0.0.7'),
  ];
  expect(JSON.stringify(inner.map((error) => toErrorReply(error, 'r-1')))).not.toContain('10.0.0.7');
});

it('carries the request id where the log knows more', () => {
  expect(toErrorReply(new Error('x'), 'r-1').body.error.request_id).toBe('r-1');
});
