import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** A process of the bench (a floor, a load generator), told what to do over IPC, one command at a time. */
export interface WorkerProcess {
  readonly pid: number;
  /** Rejects with the worker's own words when the command failed there, or when it ended. */
  command<T>(name: string, payload: unknown, reply: z.ZodType<T>): Promise<T>;
  stop(): Promise<void>;
}

// kafkajs on Node 24 sets timers in the past, harmlessly.
const NODE_ARGS = ['--conditions=@spendgate/source', '--disable-warning=TimeoutNegativeWarning'];
const COMMAND_TIMEOUT_MS = 300_000;
const answer = z.union([z.object({ ok: z.unknown() }), z.object({ error: z.string() })]);

/** Starts `<file>` beside this one under the same Node. */
export async function startWorkerProcess(file: string): Promise<WorkerProcess> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [...NODE_ARGS, path], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ended with ${String(code)}`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(child, 'message'), ended]);
  return {
    pid: child.pid ?? Number.NaN,
    command: async (name, payload, reply) => {
      const answered = once(child, 'message', { signal: AbortSignal.timeout(COMMAND_TIMEOUT_MS) });
      child.send({ name, payload });
      const [message] = await Promise.race([answered, ended]);
      const read = answer.parse(message);
      if ('error' in read) throw new Error(`${file} ${name}: ${read.error}`);
      return reply.parse(read.ok);
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}
