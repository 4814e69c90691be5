import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { dockerAnswers, startRedisContainer } from './containers.ts';
import { findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';
import { installRedis } from './install-redis.ts';
import { bareEnvironment } from './repository.ts';
import { spawnServer } from './spawn-server.ts';
import type { ServerProcess } from './spawn-server.ts';
import type { StartedServer } from './start-postgres.ts';
import { waitFor } from './wait-for.ts';

export interface RedisOptions {
  /** Where its data lives; kept between starts unless `throwAway`. */
  readonly dataDir: string;
  readonly port?: number;
  /** Keeps nothing on disk and removes the folder when it stops. */
  readonly throwAway?: boolean;
  readonly say?: (line: string) => void;
}

/**
 * Starts a Redis that never evicts, on the loopback address: the machine's redis-server or valkey-server, else a
 * container where a Docker daemon answers, else what the package manager installs without a password.
 * @throws Error naming the one command to run when none of these goes.
 */
export async function startRedis(options: RedisOptions): Promise<StartedServer> {
  const say = options.say ?? (() => undefined);
  const known = findProgram('redis-server', 'valkey-server');
  if (known !== undefined) return await startLocal(known, options);
  if (await dockerAnswers()) {
    try {
      return await startRedisContainer(options);
    } catch (error) {
      say(`No Redis from Docker: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  installRedis(say);
  const installed = findProgram('redis-server', 'valkey-server');
  if (installed === undefined) throw new Error('Redis was installed, but the PATH has no redis-server.');
  return await startLocal(installed, options);
}

async function startLocal(program: string, options: RedisOptions): Promise<StartedServer> {
  const throwAway = options.throwAway === true;
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const password = findPassword(options.dataDir);
  const port = options.port ?? (await freePort());
  const settings = join(options.dataDir, 'redis.conf');
  const lines = [
    `bind 127.0.0.1`,
    `port ${port}`,
    `dir ${JSON.stringify(options.dataDir)}`,
    `requirepass ${password}`,
    'databases 64',
    'maxmemory-policy noeviction',
    'daemonize no',
    ...(throwAway ? ['save ""', 'appendonly no'] : ['save ""', 'appendonly yes', 'appendfsync everysec']),
  ];
  writeFileSync(settings, `${lines.join('\n')}\n`, { mode: 0o600 });
  const env = bareEnvironment();
  const server = await spawnServer({ command: program, args: [settings], env, cwd: options.dataDir });
  const url = `redis://:${password}@127.0.0.1:${port}`;
  await untilReady(server, url);
  return {
    url,
    how: `${describe(program)}${throwAway ? '' : `, data in ${options.dataDir}`}`,
    stop: async () => {
      await server.stop();
      if (throwAway) rmSync(options.dataDir, { recursive: true, force: true });
    },
  };
}

function findPassword(dataDir: string): string {
  const file = join(dataDir, 'password');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const password = randomBytes(18).toString('hex');
  writeFileSync(file, password, { mode: 0o600 });
  return password;
}

async function untilReady(server: ServerProcess, url: string): Promise<void> {
  const ready = async (): Promise<boolean> => {
    if (server.hasExited()) return true;
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2_000 });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return (await redis.ping()) === 'PONG';
    } finally {
      redis.disconnect();
    }
  };
  await waitFor(ready, { what: `Redis to answer\n${server.output()}`, timeoutMs: 30_000 });
  if (server.hasExited()) throw new Error(`Redis ended right after its start:\n${server.output()}`);
}

function describe(program: string): string {
  const told = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 10_000 }).stdout;
  return `${program.endsWith('valkey-server') ? 'Valkey' : 'Redis'} ${told.match(/v=(\S+)/)?.[1] ?? ''} (${program})`;
}
