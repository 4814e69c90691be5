import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where a process may end: around its nth call of one thing outside of it. */
export type Moment = 'before' | 'during' | 'after';

/** A moment of a call, such as `ledger.record after 2`. */
export type Step = `${string} ${Moment} ${number}`;

/** A call that was begun has had time to reach its socket. */
const DURING_MS = 1;

/** What only reads, keeps time or begins and ends: dying there is dying before the next step. */
const NO_STEPS = new Set([
  'clock',
  'health',
  'find',
  'list',
  'countOpen',
  'isOver',
  'isJoined',
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

/** Notes every step in a file; `dieAt` is the one at which this process kills itself. */
export function createSteps(of: { readonly file: string; readonly dieAt: string | undefined }): Steps {
  const calls = new Map<string, number>();
  const reach = (step: Step): void => {
    appendFileSync(of.file, `${step}\n`);
    if (step === of.dieAt) process.kill(process.pid, 'SIGKILL');
  };
  return {
    run: (name, call) => {
      const count = (calls.get(name) ?? 0) + 1;
      calls.set(name, count);
      reach(`${name} before ${count}`);
      const result = call();
      if (`${name} during ${count}` === of.dieAt)
        void sleep(DURING_MS).then(() => reach(`${name} during ${count}`));
      if (!(result instanceof Promise)) return result;
      return result.finally(() => reach(`${name} after ${count}`));
    },
  };
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
