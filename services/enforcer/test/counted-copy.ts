import { randomUUID } from 'node:crypto';
import { encodeRules } from '@spendgate/config';
import { GLOBAL_SUBJECT, subjectKey, usdToNano } from '@spendgate/domain';
import type { PublishedRules, SubjectKey } from '@spendgate/domain';
import { createCounterCopy, createRulesCopy } from '@spendgate/redis-store';
import type { RedisClient } from '@spendgate/redis-store';

const EPOCH = 1_000;

/** What jobs and ingest leave in Redis, written without them. */
export function countedCopy(redis: RedisClient) {
  const copy = createCounterCopy(redis, { counterBuckets: 1 });
  const rulesCopy = createRulesCopy(redis);
  let version = 0;
  return {
    /** Publishes without moving the counters' state. */
    async publish(rules: PublishedRules): Promise<void> {
      await rulesCopy.put({ version: rules.version, text: encodeRules(rules) });
    },
    /** Says that the counters are whole and counted by this version of the rules. */
    async setState(rulesVersion: number): Promise<void> {
      const [seen = null] = await copy.states();
      if (seen === 'unreachable') throw new Error('Redis is away');
      if (seen !== null) {
        const to = { epoch: EPOCH, cursor: seen.cursor + 1n, rulesVersion };
        await copy.advance({ bucket: 0, from: seen, to, swept: null });
        return;
      }
      const mark = { bucket: 0, epoch: EPOCH, token: randomUUID(), position: 0 };
      await copy.startBuild(mark, null);
      await copy.finishBuild(mark, { epoch: EPOCH, cursor: 1n, rulesVersion });
    },
    async spend(of: {
      readonly subject: SubjectKey;
      readonly usd: string;
      readonly period?: string;
    }): Promise<void> {
      version += 1;
      const { subject, period = 'none' } = of;
      const counter = {
        subject,
        period,
        periodEnd: null,
        stripe: 0,
        spentNanoUsd: usdToNano(of.usd),
        version,
      };
      await copy.put(EPOCH, [counter]);
    },
  };
}

export function customer(id: string): SubjectKey {
  return subjectKey({ kind: 'customer', id });
}

export const GLOBAL_KEY = subjectKey(GLOBAL_SUBJECT);
