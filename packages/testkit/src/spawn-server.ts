import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { guardProcess } from './process-guard.ts';

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly pid: number;
  /** The last 256 KiB of what it printed. */
  output(): string;
  hasExited(): boolean;
  readonly exited: Promise<ProcessEnd>;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end, and kills it when the deadline passes. Safe to repeat. */
  stop(of?: { readonly timeoutMs?: number }): Promise<ProcessEnd>;
}

const KEPT_OUTPUT_CHARACTERS = 256 * 1024;

/**
 * Starts a program in a process group of its own, so that Ctrl-C reaches it only through us, and sees to it that it
 * does not outlive us.
 * @throws Error when the program cannot be run at all.
 */
export async function spawnServer(of: {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stopSignal?: 'TERM' | 'INT';
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}): Promise<ServerProcess> {
  const child = spawn(of.command, of.args, {
    env: { ...of.env },
    cwd: of.cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...of.user,
  });
  let output = '';
  let ended = false;
  const keep = (chunk: string): void => {
    output = (output + chunk).slice(-KEPT_OUTPUT_CHARACTERS);
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', keep);
    if (of.onLine !== undefined) stream.on('data', splitLines(of.onLine));
  }
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  child.once('exit', () => (ended = true));
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0));
    child.once('error', reject);
  });
  const stopSignal = of.stopSignal ?? 'TERM';
  const release = guardProcess(pid, stopSignal);
  child.once('exit', release);
  return {
    pid,
    output: () => output,
    hasExited: () => ended,
    exited,
    signal: (signal) => void child.kill(signal),
    stop: async (limits) => {
      if (!ended) child.kill(stopSignal === 'INT' ? 'SIGINT' : 'SIGTERM');
      const timer = new AbortController();
      const overdue = delay(limits?.timeoutMs ?? 15_000, 'overdue', { signal: timer.signal }).catch(
        () => 'done',
      );
      if ((await Promise.race([exited, overdue])) === 'overdue') child.kill('SIGKILL');
      timer.abort();
      return await exited;
    },
  };
}

function splitLines(onLine: (line: string) => void): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
}
