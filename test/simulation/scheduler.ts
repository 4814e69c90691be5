import type { Random } from './random.ts';

/** One process. A dead one never goes on; what it sent may still arrive. */
export interface Actor {
  readonly name: string;
  /** How much more often than others it gets to go on. */
  readonly weight: number;
  alive: boolean;
  /** Steps of the whole world for which it stands still. */
  pausedUntilStep: number;
}

/** A request to a server: its stages happen there one after the other, other requests in between. */
export interface Request<T> {
  readonly actor: Actor;
  /** Work of the server that comes before the last stage; throws to fail the request. */
  readonly begin?: () => void | Promise<void>;
  readonly effect: () => T | Promise<T>;
  /** The server gives up a request begun whose sender is gone. */
  readonly abandon?: () => void;
  /** What the caller gets when the request or its answer is lost; absent for steps that cannot fail. */
  readonly lost?: () => Error;
}

export interface Scheduler {
  readonly step: number;
  /** How likely a request, and likewise an answer, is lost. */
  lossChance: number;
  perform<T>(request: Request<T>): Promise<T>;
  /** Lets the process stand still for some steps of the world. */
  rest(actor: Actor, steps: number): Promise<void>;
  spawn(name: string, body: (actor: Actor) => Promise<void>, weight?: number): Actor;
  /** The process ends between two of its steps, or in the middle of a request. */
  kill(actor: Actor): void;
  /** Runs one waiting step, chosen by the seed; false when nothing waits. */
  runStep(): Promise<boolean>;
}

interface Waiting {
  readonly actor: Actor;
  readonly atServer: boolean;
  readonly run: () => Promise<void>;
  readonly abandon?: (() => void) | undefined;
  readonly notBefore?: number;
}

function readyAt(entry: Waiting): number {
  return Math.max(entry.actor.pausedUntilStep, entry.notBefore ?? 0);
}

function pickByWeight(entries: readonly Waiting[], random: Random): Waiting | undefined {
  let point = random.next() * entries.reduce((sum, entry) => sum + entry.actor.weight, 0);
  return entries.find((entry) => (point -= entry.actor.weight) < 0);
}

/** Every await of the processes is a step of this scheduler, so the seed decides the whole interleaving. */
export function createScheduler(random: Random, onEffect: () => void): Scheduler {
  const waiting: Waiting[] = [];
  let step = 0;

  const take = (): Waiting | undefined => {
    const soonest = Math.min(...waiting.map((entry) => readyAt(entry)));
    if (waiting.length > 0 && soonest > step) step = soonest;
    const ready = waiting.filter((entry) => readyAt(entry) <= step);
    const chosen = pickByWeight(ready, random);
    if (chosen !== undefined) waiting.splice(waiting.indexOf(chosen), 1);
    return chosen;
  };
  const scheduler: Scheduler = {
    get step() {
      return step;
    },
    lossChance: 0,
    async perform<T>({ actor, begin, effect, abandon, lost }: Request<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const answer = (deliver: () => void): void => {
          const run = async (): Promise<void> => {
            if (lost !== undefined && random.chance(scheduler.lossChance)) reject(lost());
            else deliver();
          };
          waiting.push({ actor, atServer: false, run });
        };
        const stage = (work: () => void | Promise<void>, next: () => void): void => {
          const run = async (): Promise<void> => {
            try {
              await work();
              onEffect();
              next();
            } catch (error) {
              answer(() => reject(error));
            }
          };
          waiting.push({ actor, atServer: true, run, abandon });
        };
        const finish = (): void => {
          let result: { readonly value: T } | undefined;
          stage(
            async () => {
              result = { value: await effect() };
            },
            () =>
              answer(() => (result === undefined ? reject(new Error('no result')) : resolve(result.value))),
          );
        };
        if (lost !== undefined && random.chance(scheduler.lossChance)) answer(() => reject(lost()));
        else if (begin === undefined) finish();
        else stage(begin, finish);
      });
    },
    async rest(actor, steps) {
      return new Promise((resolve) => {
        const run = async (): Promise<void> => resolve();
        waiting.push({ actor, atServer: false, run, notBefore: step + steps });
      });
    },
    spawn(name, body, weight = 1) {
      const actor: Actor = { name, weight, alive: true, pausedUntilStep: 0 };
      const run = async (): Promise<void> => {
        void body(actor);
      };
      waiting.push({ actor, atServer: false, run });
      return actor;
    },
    kill(actor) {
      actor.alive = false;
      actor.pausedUntilStep = 0;
    },
    async runStep() {
      const entry = take();
      if (entry === undefined) return false;
      step += 1;
      if (entry.actor.alive || (entry.atServer && random.chance(0.5))) await entry.run();
      else entry.abandon?.();
      // Lets the process run up to its next request.
      await new Promise((resolve) => setImmediate(resolve));
      return true;
    },
  };
  return scheduler;
}
