import { Overloaded } from '@spendgate/domain';
import type { Budget, PublishedRules, RulesSettings } from '@spendgate/domain';
import { expect, it } from 'vitest';
import { publishRules } from './publish-rules.ts';
import type { PublishRulesPorts } from './publish-rules.ts';
import type { RulesText } from './rules-port.ts';

const NOW = new Date('2026-11-22T10:00:00Z');

const budget = (overrides: Partial<Budget> = {}): Budget => ({
  budgetId: 'default',
  name: 'Default Budget',
  description: null,
  category: 'platform',
  softNanoUsd: null,
  maxNanoUsd: 100_000_000_000n,
  duration: '30d',
  tpmLimit: null,
  rpmLimit: null,
  maxParallelRequests: null,
  ...overrides,
});

const settings = (overrides: Partial<RulesSettings> = {}): RulesSettings => ({
  catalogue: { budgets: [budget()] },
  globalBudget: null,
  timezone: 'UTC',
  resetTime: null,
  defaultPlatformBudgetId: null,
  attribution: { premiumAliases: [], identitySuffix: 'budget_id', cliUserAgents: [], deployedModels: {} },
  ...overrides,
});

/** Rules kept by reference: what their text looks like is not this use case's business. */
function createStore(of: { comesFirst?: () => void } = {}) {
  const texts = new Map<string, PublishedRules>();
  let published: RulesText | undefined;
  let inRedis: RulesText | undefined;
  const putEpochs: (number | undefined)[] = [];
  const stored: (readonly Budget[])[] = [];
  const codec: PublishRulesPorts['codec'] = {
    encode: (rules) => {
      const text = `rules ${rules.version} ${texts.size}`;
      texts.set(text, rules);
      return text;
    },
    decode: (text) => {
      const rules = texts.get(text);
      if (rules === undefined) throw new Error('unreadable');
      return rules;
    },
  };
  const ports: PublishRulesPorts = {
    codec,
    rules: {
      find: async () => published,
      publish: async ({ expected, toText, fileBudgets }) => {
        of.comesFirst?.();
        if ((published?.version ?? 0) !== expected) return undefined;
        published = { version: expected + 1, text: toText(expected + 1) };
        stored.push(fileBudgets ?? []);
        return published;
      },
    },
    redis: {
      rulesCopy: {
        find: async () => inRedis,
        put: async (rules, epoch) => {
          inRedis = rules;
          putEpochs.push(epoch);
        },
      },
      source: { confirmEpoch: async () => 7 },
      counterBuckets: 1,
    },
  };
  return {
    ports,
    putEpochs,
    stored,
    current: () => (published === undefined ? undefined : codec.decode(published.text)),
    inRedis: () => inRedis,
    loseRedis: () => {
      inRedis = undefined;
    },
    publishElsewhere: (rules: Omit<PublishedRules, 'version'>) => {
      const version = (published?.version ?? 0) + 1;
      published = { version, text: codec.encode({ ...rules, version }) };
    },
  };
}

const publish = async (ports: PublishRulesPorts, of: RulesSettings, now = NOW) =>
  publishRules(ports, { settings: of, fileBudgets: of.catalogue.budgets, now });

it('publishes the first rules as version 1 and puts them into Redis with the epoch', async () => {
  const store = createStore();
  expect(await publish(store.ports, settings())).toEqual({ outcome: 'published', version: 1 });
  expect(store.inRedis()?.version).toBe(1);
  expect(store.putEpochs).toEqual([7]);
  expect(store.stored).toEqual([[budget()]]);
});

it('publishes nothing when nothing changed, whenever it is repeated', async () => {
  const store = createStore();
  await publish(store.ports, settings());
  const later = new Date('2027-03-01T00:00:00Z');
  expect(await publish(store.ports, settings(), later)).toEqual({ outcome: 'unchanged', version: 1 });
  expect(store.putEpochs).toHaveLength(1);
});

it('publishes a changed amount as the next version', async () => {
  const store = createStore();
  await publish(store.ports, settings());
  const changed = settings({ catalogue: { budgets: [budget({ maxNanoUsd: 5n })] } });
  expect(await publish(store.ports, changed)).toEqual({ outcome: 'published', version: 2 });
  expect(store.current()?.catalogue.budgets[0]?.maxNanoUsd).toBe(5n);
});

it('goes on from the published history when a duration changes', async () => {
  const store = createStore();
  await publish(store.ports, settings());
  await publish(store.ports, settings({ catalogue: { budgets: [budget({ duration: '7d' })] } }));
  expect(store.current()?.schemes.platform.map(({ scheme }) => scheme.duration)).toEqual(['30d', '7d']);
});

it('puts the text back into a Redis that lost it, without a new version', async () => {
  const store = createStore();
  await publish(store.ports, settings());
  store.loseRedis();
  expect(await publish(store.ports, settings())).toEqual({ outcome: 'unchanged', version: 1 });
  expect(store.inRedis()?.version).toBe(1);
});

it('starts over from the version of another one that came first', async () => {
  let raced = false;
  const store = createStore({
    comesFirst: () => {
      if (raced) return;
      raced = true;
      const rules = store.current();
      if (rules !== undefined) store.publishElsewhere({ ...rules, globalBudget: budget({ category: null }) });
    },
  });
  await publish(store.ports, settings()).catch(() => undefined);
  raced = false;
  const changed = settings({ catalogue: { budgets: [budget({ maxNanoUsd: 5n })] } });
  expect(await publish(store.ports, changed)).toEqual({ outcome: 'published', version: 3 });
  expect(store.current()?.catalogue.budgets[0]?.maxNanoUsd).toBe(5n);
});

it('gives up after some rounds when others keep coming first', async () => {
  const store = createStore({ comesFirst: () => store.publishElsewhere(rulesOfOthers) });
  const rulesOfOthers: Omit<PublishedRules, 'version'> = {
    catalogue: { budgets: [] },
    defaultBudgetIds: { platform: null, cli: null, premium_models: null },
    globalBudget: null,
    schemes: {
      platform: [{ from: null, scheme: { duration: null } }],
      cli: [{ from: null, scheme: { duration: null } }],
      premium_models: [{ from: null, scheme: { duration: null } }],
      global: [{ from: null, scheme: { duration: null } }],
    },
    attribution: settings().attribution,
  };
  await expect(publish(store.ports, settings())).rejects.toThrow(Overloaded);
});

it('publishes without a Redis', async () => {
  const store = createStore();
  const result = await publish({ ...store.ports, redis: null }, settings());
  expect(result).toEqual({ outcome: 'published', version: 1 });
  expect(store.inRedis()).toBeUndefined();
});
