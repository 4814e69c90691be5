import { decodeRules } from '@spendgate/config';
import { publishFromEnvironment } from '@spendgate/jobs';
import { pgTest } from '@spendgate/testkit';
import { expect } from 'vitest';

pgTest('publishes the rules of the environment without the service, once', async ({ database }) => {
  const env = { DATABASE_URL: database.url, LLM_PROXY_BUDGET_SYNC_ENABLED: 'true' };
  const first = await publishFromEnvironment(env);
  expect(first.outcome).toBe('published');
  expect(await publishFromEnvironment(env)).toEqual({ outcome: 'unchanged', version: first.version });

  const { rows } = await database.pool.query<{ rules: string }>(
    'SELECT rules::text AS rules FROM spendgate.published_rules ORDER BY version DESC LIMIT 1',
  );
  expect(decodeRules(rows[0]?.rules ?? '').catalogue.budgets[0]?.budgetId).toBe('default');
});

pgTest('keeps the rules in force where the environment says nothing of budgets', async ({ database }) => {
  const environment = { DATABASE_URL: database.url };
  const empty = await publishFromEnvironment(environment);
  expect(empty.outcome).toBe('published');
  const withBudgets = await publishFromEnvironment({ ...environment, LLM_PROXY_BUDGET_SYNC_ENABLED: 'true' });
  expect(withBudgets.outcome).toBe('published');
  expect(await publishFromEnvironment(environment)).toEqual({
    outcome: 'kept',
    version: withBudgets.version,
  });
  const off = await publishFromEnvironment({ ...environment, LLM_PROXY_BUDGET_SYNC_ENABLED: 'false' });
  expect(off.outcome).toBe('published');
});
