import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TcpGate {
  readonly port: number;
  /** Cuts all connections and refuses new ones. */
  shut(): void;
  /** Takes connections and what is sent, and passes nothing on, as before a server that hangs. */
  hang(): void;
  open(): void;
}

/** A way to a server that a test can cut, as a network does. */
export async function openTcpGate(to: { readonly host: string; readonly port: number }): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  let isOpen = true;
  let hangs = false;
  const server = createServer((incoming) => {
    if (!isOpen) return incoming.destroy();
    const outgoing = connect(to);
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        incoming.destroy();
        outgoing.destroy();
      });
    }
    incoming.pipe(outgoing).pipe(incoming);
    if (hangs) incoming.pause();
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The gate has no port.');
  return {
    port: address.port,
    shut: () => {
      isOpen = false;
      cut();
    },
    hang: () => {
      hangs = true;
      for (const socket of sockets) socket.pause();
    },
    open: () => {
      isOpen = true;
      hangs = false;
      for (const socket of sockets) socket.resume();
    },
  };
}

/** The same URL by way of a gate. */
export async function gated(url: string, standardPort: number): Promise<{ url: string; gate: TcpGate }> {
  const through = new URL(url);
  const gate = await openTcpGate({ host: through.hostname, port: Number(through.port || standardPort) });
  through.hostname = '127.0.0.1';
  through.port = String(gate.port);
  return { url: through.href, gate };
}
