import {
  InvariantBroken,
  LedgerRefusedData,
  LedgerUnavailable,
  SchemaOutdated,
  SpendStoreUnavailable,
  StaleRules,
} from '@spendgate/domain';
import type { PublishedRules } from '@spendgate/domain';
import { publishedRules, spendEvent } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import type { CounterValue, LedgerBatch, LedgerResult } from './ledger-port.ts';
import { pushOrOwe, recordEvents } from './record-events.ts';
import type { RecordEventsPorts } from './record-events.ts';
import type { Rejection } from './rejected-events-port.ts';

const origin = () => ({
  projection: { id: 'x' },
  source: 'http' as const,
  sourceOffset: null,
  receivedAt: new Date('2026-11-22T10:00:00Z'),
});

/** Ids and fingerprints recorded; `before` may throw what the world throws. */
function createWorld(before: (batch: LedgerBatch) => void = () => undefined) {
  const ledgerRows = new Map<string, bigint>();
  const batches: LedgerBatch[] = [];
  const parked: Rejection[] = [];
  const pushed: unknown[] = [];
  const owed: unknown[] = [];
  const refused: unknown[] = [];
  const world = {
    rules: publishedRules({ version: 1 }),
    published: publishedRules({ version: 1 }),
    nowMs: 0,
    pushError: undefined as Error | undefined,
  };
  const record = async (batch: LedgerBatch): Promise<LedgerResult> => {
    batches.push(batch);
    if (batch.rulesVersion !== world.published.version) throw new StaleRules('published anew');
    before(batch);
    const outcomes = batch.events.map(({ event }) => {
      const known = ledgerRows.get(event.id);
      if (known === undefined) ledgerRows.set(event.id, event.fingerprint);
      if (known === undefined) return 'recorded' as const;
      return known === event.fingerprint ? ('duplicate' as const) : ('id_conflict' as const);
    });
    const counter = { subject: 'global:proxy', period: 'none', periodEnd: null, stripe: 0, spentNanoUsd: 1n };
    return { epoch: 1, outcomes, counters: [{ ...counter, version: batches.length }] };
  };
  const ports: RecordEventsPorts = {
    rules: {
      current: () => world.rules,
      refresh: async (): Promise<PublishedRules> => {
        world.rules = world.published;
        return world.rules;
      },
    },
    ledger: { record },
    copy: {
      put: async (epoch, counters) => {
        if (world.pushError !== undefined) throw world.pushError;
        pushed.push({ epoch, counters });
      },
    },
    rejected: { park: async (rejections) => void parked.push(...rejections) },
    clock: {
      nowMs: () => world.nowMs,
      wait: async (durationMs) => {
        world.nowMs += durationMs;
      },
    },
    onPushOwed: (error) => owed.push(error),
    onRefused: (error) => refused.push(error),
  };
  return { world, ports, ledgerRows, batches, parked, pushed, owed, refused };
}

const settings = { stripe: 3, deadlineAtMs: 5_000, origin };

describe('recordEvents', () => {
  it('records every event once and pushes what the ledger says', async () => {
    const { ports, batches, pushed } = createWorld();
    const events = [spendEvent(), spendEvent()];
    const { outcomes } = await recordEvents(ports, { ...settings, events });
    expect(outcomes).toEqual(['recorded', 'recorded']);
    expect(batches).toMatchObject([{ rulesVersion: 1, stripe: 3 }]);
    expect(pushed).toHaveLength(1);
  });

  it('counts an event once when it is delivered twice in one batch', async () => {
    const { ports, batches } = createWorld();
    const event = spendEvent();
    const { outcomes } = await recordEvents(ports, { ...settings, events: [event, event, event] });
    expect(outcomes).toEqual(['recorded', 'duplicate', 'duplicate']);
    expect(batches[0]?.events).toHaveLength(1);
  });

  it('parks an id that comes again in the batch with other content', async () => {
    const { ports, parked } = createWorld();
    const event = spendEvent({ fingerprint: 1n });
    const events = [event, { ...event, fingerprint: 2n }, event];
    const { outcomes } = await recordEvents(ports, { ...settings, events });
    expect(outcomes).toEqual(['recorded', 'id_conflict', 'duplicate']);
    expect(parked).toMatchObject([{ eventId: event.id, reason: 'id_conflict', source: 'http' }]);
  });

  it('lets the ledger decide which of two contents of one id it knows', async () => {
    const { ports, ledgerRows, parked } = createWorld();
    const event = spendEvent({ fingerprint: 2n });
    ledgerRows.set(event.id, 2n);
    const events = [{ ...event, fingerprint: 1n }, event, { ...event, fingerprint: 1n }];
    const { outcomes } = await recordEvents(ports, { ...settings, events });
    expect(outcomes).toEqual(['id_conflict', 'duplicate', 'id_conflict']);
    expect(parked).toHaveLength(2);
  });

  it('attributes anew when the rules were published in between', async () => {
    const { world, ports, batches } = createWorld();
    world.published = publishedRules({ version: 2 });
    await recordEvents(ports, { ...settings, events: [spendEvent()] });
    expect(batches.map(({ rulesVersion }) => rulesVersion)).toEqual([1, 2]);
  });

  it('gives up after five stale versions', async () => {
    const { world, ports, batches } = createWorld();
    const refresh = async () => {
      world.published = publishedRules({ version: world.published.version + 1 });
      return world.rules;
    };
    world.published = publishedRules({ version: 2 });
    const moving = { ...ports, rules: { ...ports.rules, refresh } };
    await expect(recordEvents(moving, { ...settings, events: [spendEvent()] })).rejects.toThrow(StaleRules);
    expect(batches).toHaveLength(6);
  });

  it('tries again while the ledger is away and says what a repetition finds', async () => {
    let failures = 3;
    const { ports, ledgerRows } = createWorld(() => {
      if (failures-- > 0) throw new LedgerUnavailable('away');
    });
    const { outcomes } = await recordEvents(ports, { ...settings, events: [spendEvent()] });
    expect(outcomes).toEqual(['recorded']);
    expect(ledgerRows.size).toBe(1);
  });

  it('throws once the deadline is reached, after at least one try', async () => {
    const { world, ports, batches } = createWorld(() => {
      throw new LedgerUnavailable('away');
    });
    const events = [spendEvent()];
    await expect(recordEvents(ports, { ...settings, events })).rejects.toThrow(LedgerUnavailable);
    expect(world.nowMs).toBeLessThanOrEqual(5_000);
    expect(batches.length).toBeGreaterThan(5);
    await expect(recordEvents(ports, { ...settings, deadlineAtMs: 0, events })).rejects.toThrow(
      LedgerUnavailable,
    );
  });

  it('parks the one event that the ledger cannot store and records the others', async () => {
    const guilty = spendEvent();
    const { ports, ledgerRows, parked, refused } = createWorld((batch) => {
      if (batch.events.some(({ event }) => event.id === guilty.id)) throw new LedgerRefusedData('22P05');
    });
    const events = [spendEvent(), spendEvent(), guilty, spendEvent(), spendEvent()];
    const { outcomes } = await recordEvents(ports, { ...settings, events });
    expect(outcomes).toEqual(['recorded', 'recorded', 'refused_by_ledger', 'recorded', 'recorded']);
    expect(parked).toMatchObject([{ eventId: guilty.id, reason: 'refused_by_ledger' }]);
    expect(ledgerRows.size).toBe(4);
    expect(refused).toHaveLength(1);
  });

  it.each([
    ['a mistake of our own', new InvariantBroken('PostgreSQL: 42P13')],
    ['what nobody foresaw', new TypeError('undefined is not a function')],
    ['an old schema', new SchemaOutdated('no such column')],
  ])('fails the batch on %s, and parks no good event', async (_what, failure) => {
    const { ports, batches, parked, refused } = createWorld(() => {
      throw failure;
    });
    const events = [spendEvent(), spendEvent()];
    await expect(recordEvents(ports, { ...settings, events })).rejects.toBe(failure);
    expect([batches.length, parked, refused]).toEqual([1, [], []]);
  });

  it('takes an outcome that the ledger did not give for a mistake, not for a duplicate', async () => {
    const { ports } = createWorld();
    const record = async (): Promise<LedgerResult> => ({ epoch: 1, outcomes: ['recorded'], counters: [] });
    const events = [spendEvent(), spendEvent()];
    await expect(recordEvents({ ...ports, ledger: { record } }, { ...settings, events })).rejects.toThrow(
      InvariantBroken,
    );
  });

  it('does not fail a committed batch when the push fails', async () => {
    const { world, ports, owed } = createWorld();
    world.pushError = new SpendStoreUnavailable('away');
    const { outcomes } = await recordEvents(ports, { ...settings, events: [spendEvent()] });
    expect(outcomes).toEqual(['recorded']);
    expect(owed).toEqual([world.pushError]);
  });

  it('does not resolve before what was refused is parked', async () => {
    const { ports, ledgerRows } = createWorld();
    const event = spendEvent();
    ledgerRows.set(event.id, 99n);
    const park = async () => Promise.reject(new LedgerUnavailable('away'));
    const away = { ...ports, rejected: { park } };
    await expect(recordEvents(away, { ...settings, events: [event] })).rejects.toThrow(LedgerUnavailable);
  });
});

describe('pushOrOwe', () => {
  const counter = (periodEnd: Date | null): CounterValue => ({
    subject: 'global:proxy',
    period: String(periodEnd?.getTime()),
    periodEnd,
    stripe: 0,
    spentNanoUsd: 1n,
    version: 1,
  });

  it('leaves out periods that have ended, from the instant of their end', async () => {
    const { world, ports, pushed } = createWorld();
    world.nowMs = 1_000;
    const counters = [
      counter(null),
      counter(new Date(1_000)),
      counter(new Date(1_001)),
      counter(new Date(0)),
    ];
    await pushOrOwe(ports, { epoch: 1, counters });
    expect(pushed).toEqual([{ epoch: 1, counters: [counters[0], counters[2]] }]);
  });

  it('does not push at all when only ended periods are left', async () => {
    const { world, ports, pushed } = createWorld();
    world.nowMs = 1_000;
    await pushOrOwe(ports, { epoch: 1, counters: [counter(new Date(5))] });
    expect(pushed).toEqual([]);
  });
});
