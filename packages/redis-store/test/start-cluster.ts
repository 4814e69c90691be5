import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, throwAwayFolder, waitFor } from '@spendgate/testkit';
import { Redis } from 'ioredis';

export interface TestCluster {
  readonly url: string;
  /** Ends one node at once, as a crash would. */
  killNode(index: number): Promise<void>;
  stop(): Promise<void>;
}

const NODES = 3;
const SLOTS = 16_384;

/** Three masters without replicas on the machine's own redis-server. */
export async function startCluster(): Promise<TestCluster> {
  const folder = throwAwayFolder();
  const nodes = await Promise.all(
    Array.from({ length: NODES }, async (_, index) => startNode(join(folder, `${index}`))),
  );
  const [first] = nodes;
  if (first === undefined) throw new Error('no node was started');
  try {
    for (const [index, node] of nodes.entries()) {
      const range = [Math.ceil((index * SLOTS) / NODES), Math.ceil(((index + 1) * SLOTS) / NODES) - 1];
      await node.admin.call('CLUSTER', 'ADDSLOTSRANGE', ...range);
      await node.admin.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    }
    for (const node of nodes.slice(1)) {
      await first.admin.call('CLUSTER', 'MEET', '127.0.0.1', node.port, node.busPort);
    }
    for (const { admin } of nodes)
      await waitFor(async () => knowsAll(admin), { what: 'the cluster', timeoutMs: 30_000 });
  } catch (error) {
    await Promise.all(nodes.map(async (node) => node.stop()));
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${first.port}`,
    killNode: async (index) => nodes[index]?.stop(),
    async stop() {
      await Promise.all(nodes.map(async (node) => node.stop()));
    },
  };
}

async function knowsAll(admin: Redis): Promise<boolean> {
  const info = String(await admin.call('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`);
}

async function startNode(folder: string) {
  mkdirSync(folder, { recursive: true });
  const [port, busPort] = [await freePort(), await freePort()];
  const settings = {
    port,
    'cluster-port': busPort,
    bind: '127.0.0.1',
    dir: folder,
    'cluster-enabled': 'yes',
    'cluster-require-full-coverage': 'no',
    'cluster-node-timeout': 2_000,
    save: '',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => resolve());
    server.once('error', () => resolve());
  });
  const admin = new Redis(port, '127.0.0.1', { retryStrategy: () => 100 });
  admin.on('error', () => undefined);
  await waitFor(async () => (await admin.ping()) === 'PONG', {
    what: 'a node (is redis-server installed?)',
    timeoutMs: 20_000,
  });
  return {
    port,
    busPort,
    admin,
    async stop() {
      admin.disconnect();
      server.kill('SIGKILL');
      await ended;
    },
  };
}
