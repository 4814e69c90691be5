import { checkCounters, checkOwed, checkSettled } from './checks.ts';
import { adjust, sendBatches } from './clients.ts';
import { createChaos } from './chaos.ts';
import { createWorld } from './create-world.ts';
import type { WorldOptions } from './create-world.ts';
import { sweep, sweepAtLast, walk } from './healers.ts';
import { consume, createIngest } from './intake.ts';
import type { IngestProcess } from './intake.ts';
import type { Actor } from './scheduler.ts';
import type { World } from './world.ts';

export interface SimulationResult {
  readonly violations: readonly string[];
  readonly steps: number;
  readonly events: number;
  readonly faults: Readonly<Record<string, number>>;
}

const CLIENTS = 3;
const BATCHES = 6;
const ADJUSTMENTS = 4;
/** A sweep is many requests, and must end while the others go on. */
const SWEEPER_WEIGHT = 8;
const MOST_STEPS = 20_000;

/**
 * Runs one seed: processes over stores that fail in every way the protocol claims to stand, then a calm in
 * which all must come right. The checks run after each effect on a store.
 */
export async function simulate(options: WorldOptions): Promise<SimulationResult> {
  const world = createWorld({ onEffect: createCounterCheck(), ...options });
  const processes = startProcesses(world);
  const chaos = createChaos(world, processes);
  const owed = createOwedCheck(world);
  while (!processes.sendersDone() && world.scheduler.step < MOST_STEPS && world.violations.length === 0) {
    await chaos.maybe();
    await world.scheduler.runStep();
    await owed();
  }
  await settle(world, processes);
  if (world.violations.length === 0) await checkSettled(world);
  return {
    violations: world.violations,
    steps: world.scheduler.step,
    events: world.postgres.view().ledger.length,
    faults: chaos.counts,
  };
}

/** Checks again only after something was committed. */
function createCounterCheck(): (world: World) => void {
  let seen: unknown;
  return (world) => {
    const { counters } = world.postgres.view();
    if (counters === seen) return;
    seen = counters;
    checkCounters(world);
  };
}

/** Checks again only after a store changed, or at every step where that cannot be told. */
function createOwedCheck(world: World): () => Promise<void> {
  let seen: readonly unknown[] = [];
  return async () => {
    const next = [world.postgres.view(), world.redis.revision];
    if (world.redis.revision !== undefined && next.every((value, index) => value === seen[index])) return;
    seen = next;
    await checkOwed(world);
  };
}

export interface Processes {
  /** Kills one of the processes and starts another in its place. */
  killOne(): void;
  pauseOne(steps: number): void;
  revive(): void;
  sendersDone(): boolean;
  /** Starts one that ends by itself and tells when. */
  start(name: string, body: (actor: Actor) => Promise<void>): { readonly done: () => boolean };
}

function startProcesses(world: World): Processes {
  const start: Processes['start'] = (name, body) => {
    let done = false;
    world.scheduler.spawn(name, async (actor) => {
      try {
        await body(actor);
      } catch (error) {
        world.violation(`${name} failed: ${String(error)}`);
      }
      done = true;
    });
    return { done: () => done };
  };
  let ingest: IngestProcess;
  const startIngest = (): Actor => {
    const actor = world.scheduler.spawn('ingest', async () => Promise.resolve());
    ingest = createIngest(world, actor);
    return actor;
  };
  const roles: readonly (() => Actor)[] = [
    startIngest,
    () => world.scheduler.spawn('consumer', async (actor) => consume(world, actor)),
    () => world.scheduler.spawn('consumer', async (actor) => consume(world, actor)),
    () => world.scheduler.spawn('sweeper', async (actor) => sweep(world, actor), SWEEPER_WEIGHT),
    ...(world.random.chance(0.3)
      ? [() => world.scheduler.spawn('sweeper', async (actor: Actor) => sweep(world, actor), SWEEPER_WEIGHT)]
      : []),
    () => world.scheduler.spawn('walker', async (actor) => walk(world, actor)),
  ];
  const running = roles.map((role) => role());
  const senders = [
    ...Array.from({ length: CLIENTS }, () =>
      start('client', async (actor) => sendBatches(world, actor, { batches: BATCHES, ingest: () => ingest })),
    ),
    start('operator', async (actor) => adjust(world, actor, ADJUSTMENTS)),
  ];
  return {
    start,
    killOne() {
      const index = world.random.below(running.length);
      const victim = running[index];
      const role = roles[index];
      if (victim === undefined || role === undefined) return;
      world.scheduler.kill(victim);
      running[index] = role();
    },
    pauseOne(steps) {
      const actor = world.random.pick(running);
      actor.pausedUntilStep = world.scheduler.step + steps;
    },
    revive() {
      for (const actor of running) actor.pausedUntilStep = 0;
    },
    sendersDone: () => senders.every((sender) => sender.done()),
  };
}

/** No more faults: the stream is read to its end, the processes end, and the sweep runs a few times. */
async function settle(world: World, processes: Processes): Promise<void> {
  world.scheduler.lossChance = 0;
  processes.revive();
  const runUntil = async (done: () => boolean, what: string): Promise<void> => {
    const limit = world.scheduler.step + MOST_STEPS;
    while (!done() && world.violations.length === 0) {
      if (world.scheduler.step > limit) world.violation(`${what} does not end`);
      await world.scheduler.runStep();
    }
  };
  await runUntil(() => !world.kafka.behind(), 'reading the stream');
  world.stopping = true;
  while (world.violations.length === 0 && (await world.scheduler.runStep())) {
    if (world.scheduler.step > 2 * MOST_STEPS) world.violation('the processes do not end');
  }
  world.stopping = false;
  // What an operator does after PostgreSQL lost commits: the corrections are made again.
  const adjusting = processes.start('operator', async (actor) => adjust(world, actor, ADJUSTMENTS));
  await runUntil(adjusting.done, 'adjusting');
  const sweeping = processes.start('sweeper', async (actor) => sweepAtLast(world, actor, 3));
  await runUntil(sweeping.done, 'sweeping');
}
