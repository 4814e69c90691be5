import type { BucketReading } from '@spendgate/application';
import { LedgerUnavailable, SchemaOutdated, SpendStoreUnavailable } from '@spendgate/domain';
import { expect, it } from 'vitest';
import { createReadiness } from './readiness.ts';
import type { ReadinessPorts } from './readiness.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
const RULES = { version: 3, text: 'rules' };
const swept = (agoMs: number): BucketReading => ({
  epoch: 1,
  cursor: 1n,
  rulesVersion: 3,
  at: new Date(NOW.getTime() - agoMs),
});

async function failing(overrides: Partial<ReadinessPorts>): Promise<readonly string[]> {
  const ports: ReadinessPorts = {
    ledger: { ping: async () => undefined, assertSchemaCurrent: async () => undefined },
    copy: { states: async () => [swept(500), swept(900)] },
    rules: { find: async () => RULES },
    rulesCopy: { find: async () => RULES },
    ...overrides,
  };
  const checks = await createReadiness(ports, { sweepIntervalMs: 1_000, now: () => NOW })();
  return checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
}

it('is ready when stores answer, schema and rules are current and the sweep is recent', async () => {
  expect(await failing({})).toEqual([]);
});

it('is not ready without PostgreSQL', async () => {
  const away = async () => Promise.reject(new LedgerUnavailable('x'));
  expect(await failing({ ledger: { ping: away, assertSchemaCurrent: away }, rules: { find: away } })).toEqual(
    ['postgresql: BUDGET_LEDGER_UNAVAILABLE', 'schema: BUDGET_LEDGER_UNAVAILABLE', 'rules: cannot be read'],
  );
});

it('is not ready without Redis', async () => {
  const away = async () => Promise.reject(new SpendStoreUnavailable('x'));
  expect(await failing({ copy: { states: away }, rulesCopy: { find: away } })).toEqual([
    'redis: BUDGET_SPEND_STORE_UNAVAILABLE',
    'rules: cannot be read',
    'sweep: cannot be read',
  ]);
});

it('is not ready on a schema that is too old', async () => {
  const ledger = {
    ping: async () => undefined,
    assertSchemaCurrent: async () => Promise.reject(new SchemaOutdated('x')),
  };
  expect(await failing({ ledger })).toEqual(['schema: BUDGET_SCHEMA_OUTDATED']);
});

it.each([
  ['nothing is published', { rules: { find: async () => undefined } }, 'rules: none published'],
  ['Redis lost the rules', { rulesCopy: { find: async () => undefined } }, 'rules: Redis has other ones'],
  [
    'Redis has older rules',
    { rulesCopy: { find: async () => ({ version: 2, text: 'old' }) } },
    'rules: Redis has other ones',
  ],
])('is not ready when %s', async (_what, overrides, problem) => {
  expect(await failing(overrides)).toEqual([problem]);
});

it.each<[string, BucketReading]>([
  ['without a state', null],
  ['out of reach', 'unreachable'],
  ['not swept for long', swept(16_000)],
])('is not ready while a bucket is %s', async (_what, reading) => {
  expect(await failing({ copy: { states: async () => [swept(500), reading] } })).toEqual([
    'sweep: 1 buckets behind',
  ]);
});
