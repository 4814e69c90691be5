import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { PINNED_NODE, REPOSITORY, bareEnvironment } from './repository.ts';
import { spawnServer } from './spawn-server.ts';
import type { ProcessEnd } from './spawn-server.ts';
import { waitFor } from './wait-for.ts';

export type ServiceName = 'ingest' | 'enforcer' | 'jobs';

export interface RunningService {
  readonly name: ServiceName;
  readonly url: string;
  readonly pid: number;
  /** All that it was given. */
  readonly env: Readonly<Record<string, string>>;
  /** What it printed, the last 256 KiB. */
  output(): string;
  /** Asks it to end gracefully (SIGTERM) and waits. Safe to repeat. */
  stop(): Promise<ProcessEnd>;
  /** Sends a signal, SIGKILL when none is named, and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<ProcessEnd>;
  /** Resolves when it ends, for whatever reason. */
  readonly exited: Promise<ProcessEnd>;
}

export interface ServiceOptions {
  /** Its whole environment but PATH, HOME, HOST and a free PORT. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Another program to run in its place, relative to the project's folder, such as a test entry point. */
  readonly entry?: string;
  /** Runs what `npm run build` made of the service, without the sources, as an image does. */
  readonly built?: boolean;
  /** Waits for `/readyz` to answer 200 (default), for `/healthz`, or only for the process to be there. */
  readonly waitFor?: 'ready' | 'alive' | 'nothing';
  readonly timeoutMs?: number;
  readonly onLine?: (line: string) => void;
  /** Gets the way to end it as soon as it runs, for whoever does not want to wait until it is ready. */
  readonly onSpawned?: (stop: () => Promise<ProcessEnd>) => void;
}

/**
 * Starts one of the real services under the pinned Node. It ends with the process that started it, at the latest.
 * @throws Error with what it printed, when it ends early or is not ready in time (default 30 s).
 */
export async function startService(name: ServiceName, options: ServiceOptions): Promise<RunningService> {
  const env = await environment(options.env);
  const main = options.built === true ? join('dist', 'main.js') : join('src', 'main.ts');
  const entry = join(REPOSITORY, options.entry ?? join('services', name, main));
  const fromSource = ['--conditions=@spendgate/source', '--disable-warning=ExperimentalWarning'];
  const server = await spawnServer({
    command: PINNED_NODE,
    args: [...(options.built === true ? [] : fromSource), entry],
    env,
    cwd: REPOSITORY,
    onLine: options.onLine,
  });
  options.onSpawned?.(() => server.stop({ timeoutMs: 30_000 }));
  const url = `http://${env['HOST']}:${env['PORT']}`;
  const target = options.waitFor ?? 'ready';
  if (target !== 'nothing') {
    let lastAnswer = 'no answer yet';
    const reached = async (): Promise<boolean> => {
      if (server.hasExited()) return true;
      const path = target === 'ready' ? '/readyz' : '/healthz';
      const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(5_000) });
      lastAnswer = `${answer.status} ${await answer.text()}`;
      return answer.status === 200;
    };
    try {
      await waitFor(reached, { what: `${name} to be ${target}`, timeoutMs: options.timeoutMs ?? 30_000 });
    } catch (error) {
      await server.stop({ timeoutMs: 2_000 });
      throw new Error(`${name} was not ${target} in time (${lastAnswer}). It printed:\n${server.output()}`, {
        cause: error,
      });
    }
    if (server.hasExited()) {
      const { code, signal } = await server.exited;
      throw new Error(`${name} ended at its start (${signal ?? `exit code ${code}`}):\n${server.output()}`);
    }
  }
  return {
    name,
    url,
    pid: server.pid,
    env,
    output: () => server.output(),
    stop: () => server.stop({ timeoutMs: 30_000 }),
    kill: async (signal) => {
      server.signal(signal ?? 'SIGKILL');
      return await server.exited;
    },
    exited: server.exited,
  };
}

async function environment(
  given: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const env: Record<string, string> = { ...bareEnvironment(), HOST: '127.0.0.1' };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) env[name] = value;
  env['PORT'] ??= String(await freePort());
  return env;
}
