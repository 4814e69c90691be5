import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a process may end: around its nth call of one thing outside of it. */
export type Moment = 'before' | 'during' | 'after';

/** A moment of a call, such as `ledger.record after 2`. */
export type Step = `${string} ${Moment} ${number}`;

/** A call that was begun has had time to reach its socket. */
const DURING_MS = 1;
/** Whoever does not wait for the call has had time to go on, and to acknowledge what is not done. */
const HELD_MS = 50;

/** What only reads, keeps time or begins and ends: dying there is dying before the next step. */
const NO_STEPS = new Set([
  'clock',
  'health',
  'find',
  'list',
  'countOpen',
  'isOver',
  'isJoined',
  'unreadable',
  'lag',
  'heartbeat',
  'start',
  'stop',
  'close',
]);

export interface Steps {
  /** Makes a call, and ends this process if the step chosen is one of it. */
  run(name: string, call: () => unknown): unknown;
}

/**
 * Notes every step in a file; `dieAt` is the one at which this process kills itself. Before it dies there, the call is
 * held: begun no more, or not returned from.
 */
export function createSteps(of: { readonly file: string; readonly dieAt: string | undefined }): Steps {
  const calls = new Map<string, number>();
  const isLast = (step: Step): boolean => {
    appendFileSync(of.file, `${step}\n`);
    return step === of.dieAt;
  };
  return {
    run: (name, call) => {
      const count = (calls.get(name) ?? 0) + 1;
      calls.set(name, count);
      if (isLast(`${name} before ${count}`)) return dieIn(HELD_MS);
      const result = call();
      if (isLast(`${name} during ${count}`)) void dieIn(DURING_MS);
      if (!(result instanceof Promise)) return result;
      const settled = async (): Promise<void> => {
        if (isLast(`${name} after ${count}`)) await dieIn(HELD_MS);
      };
      return heldBack(result, settled);
    },
  };
}

async function heldBack(result: Promise<unknown>, settled: () => Promise<void>): Promise<unknown> {
  try {
    return await result;
  } finally {
    await settled();
  }
}

async function dieIn(durationMs: number): Promise<never> {
  await sleep(durationMs);
  process.kill(process.pid, 'SIGKILL');
  return new Promise<never>(() => undefined);
}

/** The port with every call of it, of the ports in it, and of what it hands to its callbacks, made a step. */
export function withSteps<Port extends object>(
  port: Port,
  of: { readonly path: string; readonly steps: Steps },
): Port {
  return new Proxy(port, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property);
      const name = String(property);
      const path = of.path === '' ? name : `${of.path}.${name}`;
      if (typeof value === 'function') {
        return (...given: readonly unknown[]) => {
          const call = (): unknown =>
            Reflect.apply(
              value,
              target,
              given.map((argument) => withStepsInside(argument, { ...of, path })),
            );
          return NO_STEPS.has(name) ? call() : of.steps.run(path, call);
        };
      }
      return isPort(value) && !NO_STEPS.has(name) ? withSteps(value, { ...of, path }) : value;
    },
  });
}

/** A callback gets ports too, such as the batch with which a stream hands over its commit. */
function withStepsInside(argument: unknown, of: { readonly path: string; readonly steps: Steps }): unknown {
  if (typeof argument !== 'function') return argument;
  return (...given: readonly unknown[]): unknown =>
    Reflect.apply(
      argument,
      undefined,
      given.map((value) => (isPort(value) ? withSteps(value, of) : value)),
    );
}

function isPort(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
