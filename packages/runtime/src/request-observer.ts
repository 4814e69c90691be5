import type { onResponseHookHandler } from 'fastify';
import type { Logger, Metrics } from '@spendgate/observability';
import type { Server } from './create-server.ts';

interface RouteCounts {
  readonly method: string;
  readonly route: string;
  readonly byStatus: Map<number, number>;
}

/**
 * Counts answers by route and status, and writes one record per failed request (every request at level
 * debug): method, route pattern, status, time, who. Never the address itself, for its query may name a
 * customer. Counts are plain numbers that become a metric at each scrape, so that a request pays next to nothing.
 */
export function observeRequests(
  server: Server,
  of: { readonly logger: Logger; readonly metrics: Metrics },
): { countUnmatched: () => void } {
  const unmatched: RouteCounts = { method: 'any', route: 'unmatched', byStatus: new Map() };
  const routes: RouteCounts[] = [unmatched];
  const requests = of.metrics.counter(
    'http_requests_total',
    'Answered HTTP requests by route pattern and status.',
    ['method', 'route', 'status'],
    {
      collect: () => {
        for (const { method, route, byStatus } of routes) {
          for (const [status, count] of byStatus) requests.inc({ method, route, status }, count);
          byStatus.clear();
        }
      },
    },
  );
  server.addHook('onRoute', (route) => {
    const counts: RouteCounts = { method: String(route.method), route: route.url, byStatus: new Map() };
    routes.push(counts);
    const given = route.onResponse ?? [];
    route.onResponse = [...(Array.isArray(given) ? given : [given]), recordAnswer(of.logger, counts)];
  });
  return { countUnmatched: () => increment(unmatched.byStatus, 404) };
}

function recordAnswer(logger: Logger, counts: RouteCounts): onResponseHookHandler {
  return (request, reply, done) => {
    const status = reply.statusCode;
    increment(counts.byStatus, status);
    if (status >= 400 || logger.isLevelEnabled('debug')) {
      const { method, route } = counts;
      const durationMs = Math.round(reply.elapsedTime * 1_000) / 1_000;
      const record = { requestId: request.id, method, route, status, durationMs, who: request.who };
      if (status >= 400) logger.info(record, 'request refused or failed');
      else logger.debug(record, 'request answered');
    }
    done();
  };
}

function increment(counts: Map<number, number>, status: number): void {
  counts.set(status, (counts.get(status) ?? 0) + 1);
}
