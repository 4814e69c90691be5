import { sweepOnce, walkOnce } from '@spendgate/application';
import type { CounterKey } from '@spendgate/application';
import { BudgetError } from '@spendgate/domain';
import { createPorts } from './ports.ts';
import type { Actor } from './scheduler.ts';
import type { World } from './world.ts';

/** Small, so that passes have several pages and a crash can fall between them. */
const PAGE_ROWS = { pageRows: 3, rebuildPageRows: 4 };

/** Sweeps until the world stops. */
export async function sweep(world: World, actor: Actor): Promise<void> {
  const ports = createPorts(world, actor).sweep;
  while (!world.stopping) {
    await unlessAway(world, async () => sweepOnce(ports, PAGE_ROWS));
    await world.scheduler.rest(actor, 10);
  }
}

/** Sweeps a few times and ends. */
export async function sweepAtLast(world: World, actor: Actor, times: number): Promise<void> {
  const ports = createPorts(world, actor).sweep;
  for (let round = 0; round < times; round += 1) {
    await unlessAway(world, async () => sweepOnce(ports, PAGE_ROWS));
  }
}

/** Walks until the world stops. */
export async function walk(world: World, actor: Actor): Promise<void> {
  const ports = createPorts(world, actor);
  let after: CounterKey | null = null;
  while (!world.stopping) {
    const position: CounterKey | null = after;
    await unlessAway(world, async () => {
      after = (await walkOnce(ports, { after: position, limit: 3 })).next;
    });
    await world.scheduler.rest(actor, 200);
  }
}

async function unlessAway(world: World, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof BudgetError && error.retryable))
      world.violation(`a healer failed: ${String(error)}`);
  }
}
