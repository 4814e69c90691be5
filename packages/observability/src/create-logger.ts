import { pino } from 'pino';
import type { DestinationStream, Level, Logger } from 'pino';
import { toLoggedError } from './logged-error.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number] & Level;

/** Names under which secrets could reach a log line by mistake, at the top and one or two levels down. */
const SECRET_NAMES = ['authorization', 'cookie', 'token', 'tokens', 'password', 'secret'] as const;
const SECRET_PATHS = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * One JSON line per record on standard output: level, ISO time, service, message and what the caller adds.
 * Errors are reduced to class, code, message, stack and causes, so that rows, commands and request
 * headers which libraries hang on their errors are not written. Never log payloads or their texts.
 */
export function createLogger(
  of: { readonly service: string; readonly level: LogLevel },
  destination?: DestinationStream,
): Logger {
  const options = {
    level: of.level,
    base: { service: of.service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: toLoggedError, error: toLoggedError },
    redact: { paths: [...SECRET_PATHS], censor: '[redacted]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
