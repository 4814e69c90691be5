import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startKafka, startPostgres, startRedis, throwAwayFolder } from '@spendgate/testkit/servers';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { z } from 'zod';

export interface BenchServer {
  readonly url: string;
  readonly pid: number;
}

/** The stores of one run, started when first asked for, on loopback, with data in a folder that goes when they stop. */
export interface BenchServers {
  /** An empty database on a PostgreSQL with its durable defaults (fsync, synchronous commit). */
  createDatabase(name: string): Promise<BenchServer>;
  /** A Redis of its own; `durable` keeps an append-only file as `npm start` does. */
  startRedis(name: string, of: { readonly durable: boolean }): Promise<BenchServer>;
  kafka(): Promise<BenchServer>;
  stop(): Promise<void>;
}

export function createBenchServers(say: (line: string) => void): BenchServers {
  const folder = throwAwayFolder();
  const closers: (() => Promise<void>)[] = [];
  let postgres: Promise<BenchServer> | undefined;
  let kafka: Promise<BenchServer> | undefined;

  const openPostgres = async (): Promise<BenchServer> => {
    const server = await startPostgres({ dataDir: join(folder, 'postgres'), say });
    closers.push(() => server.stop());
    say(server.how);
    // The fill of millions of rows would else be one checkpoint after the other.
    await query(server.url, `ALTER SYSTEM SET max_wal_size = '4GB'`);
    await query(server.url, 'SELECT pg_reload_conf()');
    return { url: server.url, pid: await postmasterPid(server.url) };
  };
  return {
    createDatabase: async (name) => {
      const server = await (postgres ??= openPostgres());
      await query(server.url, `CREATE DATABASE ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return { url: url.href, pid: server.pid };
    },
    startRedis: async (name, of) => {
      const server = await startRedis({
        dataDir: join(folder, `redis-${name}`),
        throwAway: !of.durable,
        say,
      });
      closers.push(() => server.stop());
      return { url: server.url, pid: await redisPid(server.url) };
    },
    kafka: () => {
      const open = async (): Promise<BenchServer> => {
        const dataDir = join(folder, 'spendgate-kafka');
        const server = await startKafka({ dataDir, say });
        closers.push(() => server.stop());
        say(server.how);
        return { url: server.url, pid: await findProcess(dataDir) };
      };
      return (kafka ??= open());
    },
    stop: async () => {
      for (const close of closers.splice(0).toReversed()) await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One statement on a connection of its own. */
export async function query(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url, application_name: 'spendgate-bench' });
  await client.connect();
  try {
    const answer = await client.query(text, [...values]);
    return answer.rows;
  } finally {
    await client.end();
  }
}

async function postmasterPid(url: string): Promise<number> {
  const rows = await query(url, `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid`);
  const [row] = z.tuple([z.object({ pid: z.int() })]).parse(rows);
  return row.pid;
}

async function redisPid(url: string): Promise<number> {
  const redis = new Redis(url);
  try {
    return Number(/process_id:(\d+)/u.exec(await redis.info('server'))?.[1]);
  } finally {
    redis.disconnect();
  }
}

/** The process whose command line names this folder. */
async function findProcess(folder: string): Promise<number> {
  const names = await readdir('/proc');
  for (const name of names.filter((entry) => /^\d+$/.test(entry))) {
    const commandLine = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.includes(folder)) return Number(name);
  }
  throw new Error(`no process names ${folder}`);
}
