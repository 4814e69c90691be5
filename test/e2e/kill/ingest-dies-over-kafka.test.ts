import { start, writeBudgets } from '../stack/services.ts';
import { kafkaStackTest } from '../stack/stores.ts';
import { dieEverywhere } from './die-everywhere.ts';

kafkaStackTest.beforeAll(async ({ stores }) => {
  const env = { BUDGETS_CONFIG: writeBudgets({ duration: '30d' }) };
  const jobs = await start('jobs', { stores, env });
  return async () => void (await jobs.stop());
});

kafkaStackTest(
  'loses and doubles nothing when ingest is killed at any step between intake and the commit of its offsets',
  { timeout: 110_000 },
  async ({ stores, topic }) => {
    const atLeast = [
      'stream.events.append',
      'stream.deadLetters.append',
      'stream.subscription.start.commit',
      'ledger.record',
      'copy.put',
      'rejected.park',
    ];
    await dieEverywhere({ stores, topic, atLeast });
  },
);
