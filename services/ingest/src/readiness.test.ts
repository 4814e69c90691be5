import { LedgerUnavailable, SchemaOutdated } from '@spendgate/domain';
import { publishedRules } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import { ingestReadiness } from './readiness.ts';

const rules = publishedRules();
const followed = {
  current: () => rules,
  refresh: async () => rules,
  problem: () => null,
  start: async () => undefined,
  stop: () => undefined,
};

async function notReady(of: {
  readonly kafka: boolean;
  readonly failure: Error;
}): Promise<readonly string[]> {
  const appender = { append: async () => undefined };
  const stream = {
    events: appender,
    deadLetters: appender,
    subscription: {
      start: () => undefined,
      isJoined: () => true,
      unreadable: () => [],
      lag: () => 0,
      stop: async () => undefined,
    },
    close: async () => undefined,
  };
  const readiness = ingestReadiness({
    ports: {
      stream: of.kafka ? stream : null,
      health: { ledger: async () => Promise.reject(of.failure), redis: async () => undefined },
    },
    rules: followed,
    ownSettings: { premiumAliases: null, identitySuffix: null, cliUserAgents: null },
  });
  return (await readiness()).filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
}

describe('ingest is not ready', () => {
  it('on an old schema, with Kafka too', async () => {
    const failure = new SchemaOutdated('migration 1, needs 3');
    expect(await notReady({ kafka: false, failure })).toEqual(['ledger: BUDGET_SCHEMA_OUTDATED']);
    expect(await notReady({ kafka: true, failure })).toEqual(['ledger: BUDGET_SCHEMA_OUTDATED']);
  });

  it('without PostgreSQL, unless events can wait in Kafka', async () => {
    const failure = new LedgerUnavailable('away');
    expect(await notReady({ kafka: false, failure })).toEqual(['ledger: BUDGET_LEDGER_UNAVAILABLE']);
    expect(await notReady({ kafka: true, failure })).toEqual([]);
  });
});
