import { once } from 'node:events';
import { connect } from 'node:net';
import { createLogger, createMetrics } from '@spendgate/observability';
import { expect, it } from 'vitest';
import { createServer } from './create-server.ts';
import { closeGracefully, listen } from './listen.ts';
import { NO_TOKENS } from './tokens.ts';

async function start() {
  const logger = createLogger({ service: 'test', level: 'fatal' });
  const metrics = createMetrics({ service: 'test' });
  const server = createServer({ service: 'test', logger, tokens: NO_TOKENS, metrics, bodyLimitBytes: 1_000 });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
  server.get('/slow', { config: { scope: 'none' } }, async () => {
    enter();
    await released;
    return { done: true };
  });
  await listen(server, { host: '127.0.0.1', port: 0 });
  const address = server.server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return { server, port, url: `http://127.0.0.1:${port}`, entered, release };
}

it('answers requests in flight before it ends, and takes no new connections meanwhile', async () => {
  const { server, url, entered, release } = await start();
  const answer = fetch(`${url}/slow`);
  await entered;
  const closed = closeGracefully(server);
  await expect(fetch(`${url}/slow`)).rejects.toThrow();
  release();
  expect(await (await answer).json()).toEqual({ done: true });
  await closed;
});

it('does not wait for keep-alive connections that fell idle', async () => {
  const { server, port, entered, release } = await start();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  socket.resume();
  await entered;
  const closed = closeGracefully(server);
  release();
  await closed;
  expect(server.server.listening).toBe(false);
  socket.destroy();
}, 3_000);
