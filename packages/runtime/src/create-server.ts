import { randomBytes } from 'node:crypto';
import { fastify, LogController } from 'fastify';
import type {
  FastifyBaseLogger,
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawServerDefault,
} from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger, Metrics } from '@spendgate/observability';
import { toErrorReply } from './error-reply.ts';
import { registerOpenApi } from './open-api.ts';
import { observeRequests } from './request-observer.ts';
import { requireScopes } from './require-scopes.ts';
import type { RouteScope, Tokens } from './tokens.ts';

// Here, and not beside the hook, because `index.ts` exports this file: a built service sees no other's declarations.
declare module 'fastify' {
  interface FastifyContextConfig {
    /** The token scope that a route asks for; every route has one. */
    scope?: RouteScope;
  }
  interface FastifyRequest {
    /** The name of the token that was sent; null on open routes and with AUTH=off. */
    who: string | null;
  }
}

export type Server = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface ServerSettings {
  readonly service: string;
  readonly logger: Logger;
  readonly tokens: Tokens;
  readonly metrics: Metrics;
  readonly bodyLimitBytes: number;
  /** How long a client may take to send its request. */
  readonly requestTimeoutMs?: number;
  /** Publishes `/openapi.json` (scope `none`), made from the schemas of routes that are registered as plugins. */
  readonly openApi?: { readonly title: string; readonly version: string };
}

const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the idle time of usual load balancers (60 s), so that they close first. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const MAX_PARAM_LENGTH = 1_024;

/**
 * A Fastify server with our rules and no routes: zod schemas in and out, the error table, tokens by
 * each route's `config: { scope }` (a route without one is refused), only JSON bodies, and request
 * records without query strings, headers or bodies. Routes are best registered as plugins.
 */
export function createServer(settings: ServerSettings): Server {
  const loggerInstance: FastifyBaseLogger = settings.logger;
  const server: Server = fastify({
    loggerInstance,
    // Fastify's own request lines carry the query string; and a child logger per request is not free.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    genReqId: requestIds(),
    bodyLimit: settings.bodyLimitBytes,
    requestTimeout: settings.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      answerError(settings.logger, { error, request, reply });
    },
  }).withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.removeContentTypeParser('text/plain');
  const observer = observeRequests(server, settings);
  requireScopes(server, settings);
  setHeaders(server);
  server.setErrorHandler((error, request, reply) => {
    answerError(settings.logger, { error, request, reply });
  });
  server.setNotFoundHandler((_request, reply) => {
    observer.countUnmatched();
    reply.code(404).send({ error: { message: 'There is no such route.', type: 'not_found' } });
  });
  if (settings.openApi !== undefined) registerOpenApi(server, settings.openApi);
  return server;
}

function requestIds(): () => string {
  const prefix = randomBytes(4).toString('hex');
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

/** Answers hold budgets and spending: nothing on the way may keep them or guess another type. */
function setHeaders(server: Server): void {
  server.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    reply.header('x-content-type-options', 'nosniff');
    done();
  });
}

function answerError(
  logger: Logger,
  of: { readonly error: unknown; readonly request: FastifyRequest; readonly reply: FastifyReply },
): void {
  const { status, body, retryAfterSeconds } = toErrorReply(of.error, of.request.id);
  if (status >= 500) logFailure(logger, { ...of, status });
  if (retryAfterSeconds !== undefined) of.reply.header('retry-after', retryAfterSeconds);
  of.reply.code(status).type('application/json').serializer(JSON.stringify).send(body);
}

/** A store that is away fails every request: its stack would fill the log and tell nothing new. */
function logFailure(
  logger: Logger,
  of: { readonly error: unknown; readonly request: FastifyRequest; readonly status: number },
): void {
  const record = { requestId: of.request.id, method: of.request.method, route: of.request.routeOptions.url };
  if (of.status === 500) {
    logger.error({ ...record, err: of.error }, 'request failed');
    return;
  }
  const code = of.error instanceof Error && 'code' in of.error ? of.error.code : undefined;
  logger.warn({ ...record, status: of.status, code }, 'request could not be served');
}
