import { recordEvents } from '@spendgate/application';
import type { SpendEvent } from '@spendgate/domain';
import { createPorts } from './ports.ts';
import type { Actor } from './scheduler.ts';
import type { World } from './world.ts';

const RECORD_WITHIN_MS = 400;

/** One ingest process: what it takes over HTTP goes to the ledger or to Kafka, by the world's kind of intake. */
export interface IngestProcess {
  readonly actor: Actor;
  /** Resolves once the batch is durable. Rejects, or never settles, when it may not be. */
  accept(events: readonly SpendEvent[]): Promise<void>;
}

export function createIngest(world: World, actor: Actor): IngestProcess {
  const record = createRecorder(world, actor);
  return {
    actor,
    async accept(events) {
      const toKafka = world.intake === 'kafka' || (world.intake === 'both' && world.random.chance(0.5));
      if (toKafka) await Promise.all(events.map(async (event) => produce(world, actor, event)));
      else await record(events, world.random.below(8));
    },
  };
}

/** Reads its partitions and records what it finds, until the world stops. */
export async function consume(world: World, actor: Actor): Promise<void> {
  const record = createRecorder(world, actor);
  while (!world.stopping) {
    for (const partition of world.kafka.partitions) await consumeSome(world, { actor, partition, record });
  }
}

async function consumeSome(
  world: World,
  of: {
    readonly actor: Actor;
    readonly partition: number;
    readonly record: ReturnType<typeof createRecorder>;
  },
): Promise<void> {
  const { kafka, scheduler } = world;
  const { actor, partition } = of;
  const fetched = await scheduler.perform({
    actor,
    effect: () => {
      const offset = kafka.committedOffset(partition);
      const events = kafka.fetch(partition, offset, 1 + world.random.below(6));
      return { assignment: kafka.assign(partition), offset, events };
    },
  });
  if (fetched.events.length === 0) return scheduler.rest(actor, 20);
  try {
    await of.record(fetched.events, partition);
  } catch {
    // Not recorded, as far as this process knows: it is read again from the committed offset.
    return;
  }
  const next = fetched.offset + fetched.events.length;
  await scheduler.perform({ actor, effect: () => kafka.commit(fetched.assignment, next) });
}

function createRecorder(world: World, actor: Actor) {
  const ports = createPorts(world, actor).record;
  const rejected = { park: async () => Promise.resolve() };
  return async (events: readonly SpendEvent[], stripe: number): Promise<void> => {
    const { outcomes } = await recordEvents(
      { ...ports, rejected },
      {
        events,
        stripe,
        deadlineAtMs: world.nowMs() + RECORD_WITHIN_MS,
        origin: () => ({
          projection: null,
          source: 'http',
          sourceOffset: null,
          receivedAt: new Date(world.nowMs()),
        }),
      },
    );
    if (outcomes.some((outcome) => outcome !== 'recorded' && outcome !== 'duplicate')) {
      world.violation(`outcomes ${outcomes.join(', ')} for sound events`);
    }
  };
}

async function produce(world: World, actor: Actor, event: SpendEvent): Promise<void> {
  await world.scheduler.perform({
    actor,
    effect: () => world.kafka.append(world.kafka.partitionOf(event), event),
    lost: () => new Error('no acknowledgement from Kafka'),
  });
}
