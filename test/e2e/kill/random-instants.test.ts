import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, restamp, sampleEvent } from '@spendgate/testkit';
import type { Payload, RunningService } from '@spendgate/testkit';
import { expect } from 'vitest';
import { sendUntilTaken } from '../stack/client.ts';
import { start, writeBudgets } from '../stack/services.ts';
import { kafkaStackTest } from '../stack/stores.ts';
import { MONTHLY, expectEqualSums, expectLedgerHolds } from '../stack/sums.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';

const SEED = Number(process.env['E2E_SEED'] ?? '20261122');
const KILLS = 6;
const CLIENTS = 4;
const BATCH_EVENTS = 15;
const CUSTOMERS = 12;
const LONGEST_LIFE_MS = 700;

interface Victim {
  readonly service: () => RunningService;
  killAndRestart(): Promise<void>;
}

kafkaStackTest.beforeAll(async ({ stores }) => {
  const jobs = await start('jobs', { stores, env: { BUDGETS_CONFIG: writeBudgets({ duration: '30d' }) } });
  return async () => void (await jobs.stop());
});

function createEvents(random: Random, prefix: string): readonly Payload[] {
  return Array.from({ length: BATCH_EVENTS }, (_, index) =>
    restamp(
      sampleEvent(random.below(3) === 0 ? 'event-success-plain-premium' : 'event-success-plain-cheap'),
      {
        id: `${prefix}-${index}`,
        startedAt: new Date(),
        endUser: `customer-${random.below(CUSTOMERS)}@company.com`,
        costUsd: (1 + random.below(1_000_000)) / 1_000_000_000,
      },
    ),
  );
}

kafkaStackTest(
  `loses and doubles nothing when two ingests, with and without Kafka, are killed at random under load (seed ${SEED})`,
  { timeout: 110_000 },
  async ({ stores, topic, onTestFinished }) => {
    const random = createRandom(SEED);
    const victim = async (kafka: boolean): Promise<Victim> => {
      const env = { PORT: String(await freePort()), LOG_LEVEL: 'warn' };
      const run = async () => start('ingest', { stores, env, ...(kafka ? { topic } : {}) });
      let running = await run();
      onTestFinished(async () => void (await running.stop()));
      return {
        service: () => running,
        killAndRestart: async () => {
          await running.kill('SIGKILL');
          if (kafka) await topic.forgetMembers();
          running = await run();
        },
      };
    };
    const direct = await victim(false);
    const behindKafka = await victim(true);
    const sent = new Set<string>();
    const load = new AbortController();

    const client = async (number: number): Promise<void> => {
      const own = createRandom(SEED + number);
      for (let batch = 0; !load.signal.aborted; batch += 1) {
        const events = createEvents(own, `chatcmpl-${number}-${batch}`);
        const [first, second] = own.below(2) === 0 ? [direct, behindKafka] : [behindKafka, direct];
        await sendUntilTaken(first.service, events);
        for (const { id } of events) sent.add(String(id));
        // Every third batch comes by both ways.
        if (own.below(3) === 0) await sendUntilTaken(second.service, events);
      }
    };
    const killer = async (): Promise<void> => {
      for (let kill = 0; kill < KILLS; kill += 1) {
        await sleep(random.below(LONGEST_LIFE_MS));
        await (random.below(2) === 0 ? direct : behindKafka).killAndRestart();
      }
      load.abort();
    };
    await Promise.all([killer(), ...Array.from({ length: CLIENTS }, async (_, number) => client(number))]);

    await expect.poll(async () => topic.lag(), { timeout: 30_000, interval: 50 }).toBe(0);
    await expectLedgerHolds(stores, sent);
    await expectEqualSums(stores, MONTHLY);
    expect(sent.size).toBeGreaterThan(KILLS * BATCH_EVENTS);
  },
);
