import type { HealthCheck, Logger, Readiness, Registry } from '@spendgate/observability';
import type { Server } from './create-server.ts';
import { bearerToken, sameSecret } from './tokens.ts';

const READINESS_TIMEOUT_MS = 5_000;

export interface Operations {
  readonly readiness: Readiness;
  readonly registry: Registry;
  /** When set, `/metrics` asks for it as a bearer token. */
  readonly metricsToken?: string | null | undefined;
  /** Readiness is refused as soon as this is true; pass `() => life.stopping`. */
  readonly stopping?: () => boolean;
}

/**
 * The routes by which a service is operated. `/healthz`: the process answers. `/readyz`: 200 when every
 * check is ok, else 503 with all checks; also 503 when they take longer than five seconds. `/metrics`:
 * Prometheus text.
 */
export function registerOperations(server: Server, of: Operations): void {
  const open = { config: { scope: 'none' }, schema: { hide: true }, logLevel: 'silent' } as const;
  server.get('/healthz', open, async () => ({ status: 'ok' }));
  server.get('/readyz', open, async (_request, reply) => {
    const checks = await readyChecks(of, server.log);
    const ready = checks.every((check) => check.ok);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not_ready', checks });
  });
  server.get('/metrics', open, async (request, reply) => {
    if (!mayScrape(of.metricsToken, request.headers.authorization)) {
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer')
        .send({ error: { message: 'A valid token is required.', type: 'unauthorized' } });
    }
    return reply.type(of.registry.contentType).send(await of.registry.metrics());
  });
}

async function readyChecks(of: Operations, logger: Pick<Logger, 'warn'>): Promise<readonly HealthCheck[]> {
  if (of.stopping?.() === true) return [{ name: 'running', ok: false, detail: 'stopping' }];
  const { promise: late, resolve } = Promise.withResolvers<readonly HealthCheck[]>();
  const timer = setTimeout(() => {
    resolve([{ name: 'readiness', ok: false, detail: 'no answer in time' }]);
  }, READINESS_TIMEOUT_MS);
  try {
    return await Promise.race([of.readiness(), late]);
  } catch (error) {
    logger.warn({ err: error }, 'readiness could not be determined');
    return [{ name: 'readiness', ok: false, detail: 'failed' }];
  } finally {
    clearTimeout(timer);
  }
}

function mayScrape(expected: string | null | undefined, authorization: string | undefined): boolean {
  if (expected === undefined || expected === null || expected === '') return true;
  const sent = bearerToken(authorization);
  return sent !== undefined && sameSecret({ sent, expected });
}
