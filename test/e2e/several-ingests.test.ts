import { restamp, sampleEvent } from '@spendgate/testkit';
import type { Payload, RunningService } from '@spendgate/testkit';
import { expect } from 'vitest';
import { sendEvents, sendUntilTaken } from './stack/client.ts';
import { start, writeBudgets } from './stack/services.ts';
import { kafkaStackTest } from './stack/stores.ts';
import { MONTHLY, expectEqualSums, expectNothingTwice, missingFromLedger } from './stack/sums.ts';

const CLIENTS = 4;
const BATCH_EVENTS = 20;
const CUSTOMERS = 10;
const BATCHES_BEFORE_A_CHANGE = 10;

kafkaStackTest.beforeAll(async ({ stores }) => {
  const jobs = await start('jobs', { stores, env: { BUDGETS_CONFIG: writeBudgets({ duration: '30d' }) } });
  return async () => void (await jobs.stop());
});

function batch(client: number): readonly Payload[] {
  return Array.from({ length: BATCH_EVENTS }, (_, index) =>
    restamp(sampleEvent('event-success-plain-cheap'), {
      startedAt: new Date(),
      endUser: `customer-${(client + index) % CUSTOMERS}@company.com`,
      costUsd: 0.000_001_001 * (index + 1),
    }),
  );
}

interface Load {
  readonly taken: Set<string>;
  /** Resolves once so many batches were taken since it was asked. */
  batches(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Clients that send one batch after the other to whichever ingest `target` names at the time. */
function startLoad(target: () => RunningService): Load {
  const ending = new AbortController();
  const taken = new Set<string>();
  let count = 0;
  const client = async (number: number): Promise<void> => {
    while (!ending.signal.aborted) {
      const events = batch(number);
      await sendUntilTaken(target, events);
      count += 1;
      for (const { id } of events) taken.add(String(id));
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, async (_, number) => client(number)));
  return {
    taken,
    batches: async (wanted) => {
      const from = count;
      await expect.poll(() => count - from, { timeout: 20_000, interval: 10 }).toBeGreaterThanOrEqual(wanted);
    },
    stop: async () => {
      ending.abort();
      await clients;
    },
  };
}

kafkaStackTest(
  'loses no accepted event when ingest is asked to end under load, and ends in order',
  async ({ stores }) => {
    const ingest = await start('ingest', { stores });
    const taken = new Set<string>();
    const client = async (number: number): Promise<void> => {
      for (let isUp = true; isUp;) {
        const events = batch(number);
        isUp = await sendEvents(ingest, events).then(
          () => true,
          () => false,
        );
        if (isUp) for (const { id } of events) taken.add(String(id));
      }
    };
    const clients = Promise.all(Array.from({ length: CLIENTS }, async (_, number) => client(number)));
    await expect.poll(() => taken.size, { timeout: 20_000, interval: 10 }).toBeGreaterThan(200);
    expect(await ingest.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await clients;
    expect(await missingFromLedger(stores, taken)).toEqual([]);
    await expectNothingTwice(stores);
    await expectEqualSums(stores, MONTHLY);
  },
);

kafkaStackTest(
  'counts everything once while readers of the topic come and go under load',
  async ({ stores, topic, onTestFinished }) => {
    const begin = async (): Promise<RunningService> => {
      const ingest = await start('ingest', { stores, topic });
      onTestFinished(async () => void (await ingest.stop()));
      return ingest;
    };
    const first = await begin();
    let target = first;
    const load = startLoad(() => target);
    await load.batches(BATCHES_BEFORE_A_CHANGE);
    const second = await begin();
    await expect.poll(async () => topic.members(), { timeout: 20_000 }).toBe(2);
    await load.batches(BATCHES_BEFORE_A_CHANGE);
    target = second;
    expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await load.batches(BATCHES_BEFORE_A_CHANGE);
    await begin();
    await load.batches(BATCHES_BEFORE_A_CHANGE);
    await load.stop();
    await expect.poll(async () => topic.lag(), { timeout: 30_000, interval: 50 }).toBe(0);
    expect(await missingFromLedger(stores, load.taken)).toEqual([]);
    await expectNothingTwice(stores);
    await expectEqualSums(stores, MONTHLY);
  },
);
