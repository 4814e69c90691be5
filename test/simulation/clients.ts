import { pushOrOwe } from '@spendgate/application';
import type { Adjustment } from '@spendgate/application';
import { BudgetError, GLOBAL_SUBJECT, subjectKey } from '@spendgate/domain';
import type { SpendEvent } from '@spendgate/domain';
import type { IngestProcess } from './intake.ts';
import { createPorts } from './ports.ts';
import type { Actor } from './scheduler.ts';
import type { World } from './world.ts';

const TRIES = 4;
const PATIENCE_RESTS = 30;

/** LiteLLM's callback: sends batches, again when no answer comes in time, and drops a batch after some tries. */
export async function sendBatches(
  world: World,
  actor: Actor,
  of: { readonly batches: number; readonly ingest: () => IngestProcess },
): Promise<void> {
  for (let batch = 0; batch < of.batches; batch += 1) {
    await world.scheduler.rest(actor, world.random.below(60));
    const events = Array.from({ length: 1 + world.random.below(4) }, () => world.newEvent());
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (await answered(world, actor, of.ingest(), events)) break;
    }
  }
}

async function answered(
  world: World,
  actor: Actor,
  ingest: IngestProcess,
  events: readonly SpendEvent[],
): Promise<boolean> {
  const call: { answer: 'none' | 'ok' | 'failed' } = { answer: 'none' };
  if (world.faults.acknowledgesEarly === true) acknowledge(world, events);
  const send = async (): Promise<void> => {
    try {
      await ingest.accept(events);
      call.answer = 'ok';
    } catch {
      call.answer = 'failed';
    }
  };
  void send();
  for (let wait = 0; wait < PATIENCE_RESTS && call.answer === 'none'; wait += 1) {
    await world.scheduler.rest(actor, 4);
  }
  // An answer may be lost on its way as well.
  if (call.answer !== 'ok' || world.random.chance(world.scheduler.lossChance)) return false;
  acknowledge(world, events);
  return true;
}

function acknowledge(world: World, events: readonly SpendEvent[]): void {
  for (const { id } of events) {
    world.acknowledged.add(id);
    if (!world.kafka.holds(id) && !world.postgres.view().eventIds.has(id)) {
      world.violation(`${id} was acknowledged and is nowhere`);
    }
  }
}

/** The corrections that were asked for. Repeating one changes nothing. */
export function adjustment(number: number): Adjustment {
  return {
    id: `adjustment-${number}`,
    kind: 'opening_balance',
    eventId: null,
    amountNanoUsd: BigInt(number % 2 === 0 ? -7 : 5) * 1_000_000_000n,
    effectiveAt: new Date(0),
    charges: ['customer:ann', subjectKey(GLOBAL_SUBJECT)].map((subject) => ({
      subject,
      period: 'none',
      periodEnd: null,
    })),
    actor: 'operator',
    note: null,
  };
}

/** Makes the corrections one after the other, each until it is answered. */
export async function adjust(world: World, actor: Actor, count: number): Promise<void> {
  const ports = createPorts(world, actor).record;
  for (let number = 0; number < count; number += 1) {
    await world.scheduler.rest(actor, world.random.below(200));
    for (let done = false; !done;) {
      try {
        const of = { rulesVersion: world.postgres.view().rulesVersion, adjustment: adjustment(number) };
        await pushOrOwe(ports, await ports.ledger.adjust(of));
        done = true;
      } catch (error) {
        if (!(error instanceof BudgetError && error.retryable)) throw error;
      }
    }
  }
}
