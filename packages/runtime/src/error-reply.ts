import { BudgetError } from '@spendgate/domain';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { validationProblems } from './validation-problems.ts';
import type { Problem } from './validation-problems.ts';

/** Every error answer of our APIs. `request_id` is there where the log knows more. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: ErrorType;
    /** The stable code of a BudgetError; docs/errors.md says what to do. */
    readonly code?: string;
    readonly problems?: readonly Problem[];
    readonly request_id?: string;
  };
}

export type ErrorType =
  | 'invalid_request'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'too_large'
  | 'unsupported_media_type'
  | 'upstream_failed'
  | 'unavailable'
  | 'internal_error';

export interface ErrorReply {
  readonly status: number;
  readonly body: ErrorBody;
  readonly retryAfterSeconds?: number;
}

const RETRY_AFTER_SECONDS = 1;
const INPUT_CODE = /^BUDGET_(?:INVALID_|LEDGER_REFUSED_DATA$)/u;
const LITELLM_CODE = /^BUDGET_LITELLM_/u;

/** Fixed texts for Fastify's own 4xx errors, whose messages may quote what was sent. */
const CLIENT_ERRORS: Readonly<Record<number, { readonly message: string; readonly type: ErrorType }>> = {
  404: { message: 'There is no such route.', type: 'not_found' },
  413: { message: 'The body is too large.', type: 'too_large' },
  414: { message: 'The address is too long.', type: 'invalid_request' },
  415: {
    message: 'The content type is not supported; send application/json.',
    type: 'unsupported_media_type',
  },
};

/**
 * The one table from thrown errors to HTTP: bad input 400, LiteLLM's failures 502, what is worth
 * repeating 503 with Retry-After, the rest 500 with the id under which the log has the stack.
 */
export function toErrorReply(error: unknown, requestId: string): ErrorReply {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = validationProblems(error.validation);
    return {
      status: 400,
      body: { error: { message: 'The request is invalid.', type: 'invalid_request', problems } },
    };
  }
  if (error instanceof BudgetError) return fromBudgetError(error, requestId);
  const status = clientStatus(error);
  return status === undefined ? internalError(requestId) : clientError(status);
}

function fromBudgetError(error: BudgetError, requestId: string): ErrorReply {
  const { code } = error;
  if (LITELLM_CODE.test(code)) {
    const message = 'LiteLLM did not answer as it should.';
    return {
      status: 502,
      body: { error: { message, type: 'upstream_failed', code, request_id: requestId } },
    };
  }
  if (error.retryable) {
    const message = 'A store is not available; send the request again.';
    return {
      status: 503,
      body: { error: { message, type: 'unavailable', code, request_id: requestId } },
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    };
  }
  if (!INPUT_CODE.test(code)) return internalError(requestId);
  return { status: 400, body: { error: { message: error.message, type: 'invalid_request', code } } };
}

function clientError(status: number): ErrorReply {
  const known = CLIENT_ERRORS[status] ?? {
    type: 'invalid_request',
    message:
      status === 400 ? 'The body is not valid JSON, or the request is malformed.' : 'The request is refused.',
  };
  return { status, body: { error: known } };
}

function internalError(requestId: string): ErrorReply {
  const message = 'Something went wrong on our side.';
  return { status: 500, body: { error: { message, type: 'internal_error', request_id: requestId } } };
}

function clientStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const status = error.statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
