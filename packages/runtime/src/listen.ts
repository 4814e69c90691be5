import type { Server } from './create-server.ts';

const IDLE_SWEEP_MS = 20;

/** Starts listening and returns the same server, to be owned: `life.own('http', await listen(…), closeGracefully)`. */
export async function listen(
  server: Server,
  at: { readonly host: string; readonly port: number },
): Promise<Server> {
  const address = await server.listen({ host: at.host, port: at.port });
  server.log.info({ address }, 'listening');
  return server;
}

/**
 * Stops listening at once and resolves when all requests in flight are answered. Connections that fall
 * idle on the way are closed, else a keep-alive connection would hold the process for its whole timeout.
 */
export async function closeGracefully(server: Server): Promise<void> {
  const timer = setInterval(() => {
    server.server.closeIdleConnections();
  }, IDLE_SWEEP_MS);
  try {
    await server.close();
  } finally {
    clearInterval(timer);
  }
}
