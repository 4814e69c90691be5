const MAX_TEXT_LENGTH = 4_000;
const MAX_CAUSES = 5;

export interface LoggedError {
  readonly type: string;
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

/** What of an error is fit for a log: its class, code, texts without credentials of URLs, and up to five causes. */
export function toLoggedError(error: unknown): LoggedError {
  return describe(error, 0);
}

/** A text without the `user:password@` of any URL in it, cut to 4,000 characters. */
export function withoutCredentials(text: string): string {
  return text.slice(0, MAX_TEXT_LENGTH).replaceAll(/(\/\/)[^/\s@]+@/gu, '$1[redacted]@');
}

function describe(error: unknown, depth: number): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: withoutCredentials(String(error)) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    message: withoutCredentials(error.message),
    ...(error.stack === undefined ? {} : { stack: withoutCredentials(error.stack) }),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: describe(error.cause, depth + 1) }),
  };
}
