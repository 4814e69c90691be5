import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCheckRules } from '@spendgate/application';
import type { RulesText, SpendReading } from '@spendgate/application';
import { encodeRules } from '@spendgate/config';
import { SpendStoreUnavailable } from '@spendgate/domain';
import { createLogger } from '@spendgate/observability';
import { publishedRules } from '@spendgate/testkit';
import { followRules } from './rules-follower.ts';

const text = (version: number): RulesText => ({
  version,
  text: encodeRules(publishedRules({ version })),
});

/** A store whose contents the test changes at will. */
async function follow(store: {
  rules: RulesText | undefined;
  stateVersion?: number;
  health?: SpendReading['health'];
  away?: boolean;
}) {
  let publish = (): void => undefined;
  let stopped = false;
  const rules = createCheckRules({ graceMs: 1_000 });
  const follower = await followRules({
    feed: {
      find: async () => {
        if (store.away === true) throw new SpendStoreUnavailable('gone');
        return store.rules;
      },
      subscribe: async (onPublished) => {
        publish = onPublished;
        return async () => {
          stopped = true;
        };
      },
    },
    rules,
    spend: {
      read: async () => ({
        health: store.health ?? 'whole',
        rulesVersion: store.stateVersion ?? store.rules?.version ?? 0,
        spentNanoUsd: [null],
      }),
    },
    timeoutMs: 100,
    logger: createLogger({ service: 'enforcer', level: 'fatal' }),
    now: () => new Date(),
  });
  return { rules, follower, store, publish: () => publish(), isStopped: () => stopped };
}

describe('following the published rules', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('holds what is published when it starts', async () => {
    const { rules, follower } = await follow({ rules: text(3) });
    expect(rules.preferred()?.version).toBe(3);
    await expect(follower.refresh()).resolves.toMatchObject({ publishedVersion: 3, fitting: true });
    await follower.close();
  });

  it('takes in a publication when its message arrives', async () => {
    const { rules, follower, store, publish } = await follow({ rules: text(1) });
    store.rules = text(2);
    publish();
    await vi.advanceTimersByTimeAsync(0);
    expect(rules.newestVersion()).toBe(2);
    await follower.close();
  });

  it('repairs a lost message within a second', async () => {
    const { rules, follower, store } = await follow({ rules: text(1) });
    store.rules = text(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(rules.preferred()?.version).toBe(2);
    await follower.close();
  });

  it('puts new rules in force only with the counters’ state, without any check', async () => {
    const { rules, follower, store } = await follow({ rules: text(1), stateVersion: 1 });
    store.rules = text(2);
    await follower.refresh();
    expect([rules.newestVersion(), rules.preferred()?.version]).toEqual([2, 1]);
    store.stateVersion = 2;
    await follower.refresh();
    expect(rules.preferred()?.version).toBe(2);
    await follower.close();
  });

  it('starts without rules and without a store, and picks them up later', async () => {
    const { rules, follower, store } = await follow({ rules: undefined, away: true });
    await expect(follower.refresh()).resolves.toMatchObject({ redisReached: false });
    expect(rules.preferred()).toBeUndefined();
    store.away = false;
    await expect(follower.refresh()).resolves.toMatchObject({ redisReached: true, publishedVersion: null });
    store.rules = text(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(rules.preferred()?.version).toBe(1);
    await follower.close();
  });

  it('keeps the rules it has while the published ones cannot be read, and says so', async () => {
    const { rules, follower, store } = await follow({ rules: text(1) });
    store.rules = { version: 2, text: '{"from":"the future"}' };
    await expect(follower.refresh()).resolves.toMatchObject({ unreadable: true });
    expect(rules.preferred()?.version).toBe(1);
    store.rules = text(3);
    await expect(follower.refresh()).resolves.toMatchObject({ unreadable: false, fitting: true });
    await follower.close();
  });

  it('keeps the rules it has when the store lost them', async () => {
    const { rules, follower, store } = await follow({ rules: text(1) });
    store.rules = undefined;
    store.health = 'absent';
    await expect(follower.refresh()).resolves.toMatchObject({ publishedVersion: null, counters: 'absent' });
    expect(rules.preferred()?.version).toBe(1);
    await follower.close();
  });

  it('looks no more once it is closed', async () => {
    const { rules, follower, store, isStopped } = await follow({ rules: text(1) });
    await follower.close();
    store.rules = text(2);
    await vi.advanceTimersByTimeAsync(5_000);
    expect([rules.newestVersion(), isStopped()]).toEqual([1, true]);
  });
});
