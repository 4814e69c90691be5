import { printFailure, styled } from './screen.ts';

export interface Interruptible {
  /** Hands over how to stop everything; replaces an earlier way. */
  readonly onStarting: (stop: () => Promise<void>) => void;
  /** From now on Ctrl-C is the usual way to end this command, and no failure. */
  readonly mayEnd: () => void;
}

/**
 * Runs a command that Ctrl-C, SIGTERM or a closed terminal may interrupt at any moment: then everything is stopped in
 * order and the process ends. A second Ctrl-C ends it at once. The run's value is the exit code; a throw is 1, an
 * interruption 130.
 */
export async function runUntilStopped(
  name: string,
  run: (life: Interruptible) => Promise<number>,
): Promise<never> {
  let stop = async (): Promise<void> => undefined;
  let exitCode = 1;
  let interruptedCode = 130;
  const stopped = Promise.withResolvers<void>();
  let isInterrupted = false;
  const interrupt = (): void => {
    if (isInterrupted) process.exit(130);
    isInterrupted = true;
    process.stdout.write(`\n${styled('dim', 'Stopping (Ctrl-C again: at once)')}\n`);
    void stop().then(() => stopped.resolve());
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  const life: Interruptible = {
    onStarting: (how) => (stop = how),
    mayEnd: () => (interruptedCode = 0),
  };
  try {
    exitCode = await Promise.race([run(life), stopped.promise.then(() => interruptedCode)]);
  } catch (error) {
    // What fails while everything is being stopped fails because of it.
    if (!isInterrupted) printFailure(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (isInterrupted) exitCode = await stopped.promise.then(() => interruptedCode);
  await stop();
  process.exit(exitCode);
}
