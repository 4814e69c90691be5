import { start, writeBudgets } from '../stack/services.ts';
import { stackTest } from '../stack/stores.ts';
import { dieEverywhere } from './die-everywhere.ts';

stackTest.beforeAll(async ({ stores }) => {
  const env = { BUDGETS_CONFIG: writeBudgets({ duration: '30d' }) };
  const jobs = await start('jobs', { stores, env });
  return async () => void (await jobs.stop());
});

stackTest(
  'loses and doubles nothing when ingest is killed at any step of intake and repair over HTTP',
  { timeout: 110_000 },
  async ({ stores }) => {
    const atLeast = ['ledger.record', 'ledger.adjust', 'copy.put', 'rejected.park', 'rejected.update'];
    await dieEverywhere({ stores, atLeast });
  },
);
