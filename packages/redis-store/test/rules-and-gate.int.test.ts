import { createNewCustomerGate, createRulesCopy, subscribeRules } from '@spendgate/redis-store';
import { redisTest, waitFor } from '@spendgate/testkit';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { describe, expect } from 'vitest';

describe('the rules', () => {
  redisTest('are absent at first and replaced only by newer ones', async ({ redis }) => {
    const rules = createRulesCopy(redis);
    expect(await rules.find()).toBeUndefined();
    await rules.put({ version: 2, text: 'two' });
    await rules.put({ version: 1, text: 'one' });
    expect(await rules.find()).toEqual({ version: 2, text: 'two' });
  });

  redisTest('follow a PostgreSQL that went back when its epoch says so, like a model', async ({ redis }) => {
    const rules = createRulesCopy(redis);
    const puts = fc.array(
      fc.record({ version: fc.integer({ min: 1, max: 5 }), epoch: fc.constantFrom(undefined, 1, 2, 3) }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(puts, async (sequence) => {
        await redis.flushdb();
        let held: { version: number; epoch: number; text: string } | undefined;
        for (const [index, { version, epoch }] of sequence.entries()) {
          await rules.put({ version, text: `text ${index}` }, epoch);
          const knownEpoch = held?.epoch ?? 0;
          const newer =
            epoch === undefined || epoch === knownEpoch ? version > (held?.version ?? 0) : epoch > knownEpoch;
          if (held === undefined || newer)
            held = { version, epoch: epoch ?? knownEpoch, text: `text ${index}` };
        }
        expect(await rules.find()).toEqual(
          held === undefined ? undefined : { version: held.version, text: held.text },
        );
      }),
      { numRuns: 100 },
    );
  });

  redisTest('count as absent when something else stands in their place', async ({ redis }) => {
    const rules = createRulesCopy(redis);
    await redis.hset('sg:rules', 'version', 'new');
    expect(await rules.find()).toBeUndefined();
    await rules.put({ version: 1, text: 'one' });
    expect(await rules.find()).toEqual({ version: 1, text: 'one' });
  });

  redisTest(
    'are told to subscribers, also what was missed while the connection was gone',
    async ({ redis }) => {
      const rules = createRulesCopy(redis);
      const told: number[] = [];
      const subscription = await subscribeRules(redis, (version) => told.push(version));
      await rules.put({ version: 1, text: 'one' });
      await waitFor(() => told.includes(1), { what: 'the first message' });
      await redis.hset('sg:rules', 'version', 2);
      await killSubscriber(redis);
      await waitFor(() => told.includes(2), { what: 'the version after the reconnection' });
      await rules.put({ version: 3, text: 'three' });
      await waitFor(() => told.includes(3), { what: 'a message after the reconnection' });
      await subscription.close();
    },
  );
});

describe('the gate for new customers', () => {
  const admit = (customer: string, key = 'key') => ({
    key,
    customer,
    limit: 2,
    at: new Date(),
    timeoutMs: 2_000,
  });

  redisTest('admits the first ones of each key and keeps admitting them', async ({ redis }) => {
    const gate = createNewCustomerGate(redis);
    const answers: boolean[] = [];
    for (const customer of ['ann', 'ben', 'cid', 'ann', 'dot', 'ben'])
      answers.push(await gate.admit(admit(customer)));
    expect(answers).toEqual([true, true, false, true, false, true]);
    expect(await gate.admit(admit('cid', 'other key'))).toBe(true);
    expect(await gate.admit(admit('cid', ''))).toBe(true);
  });

  redisTest(
    "forgets them an hour after the first, by Redis' clock, and never keeps more than the limit",
    async ({ redis }) => {
      const gate = createNewCustomerGate(redis);
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => gate.admit(admit(`customer ${index}`))),
      );
      const [key] = await redis.keys('sg:new:*');
      if (key === undefined) throw new Error('nothing is noted');
      expect(await redis.scard(key)).toBe(2);
      const remainingMs = await redis.pttl(key);
      expect(remainingMs).toBeGreaterThan(3_500_000);
      expect(remainingMs).toBeLessThanOrEqual(3_600_000);
    },
  );
});

/** Only that of this test's database: others use the server as well. */
async function killSubscriber(redis: Redis): Promise<void> {
  const clients = String(await redis.client('LIST')).split('\n');
  const own = clients.find(
    (line) => line.includes(' sub=1 ') && line.includes(` db=${redis.options.db ?? 0} `),
  );
  const id = /^id=(\d+)/u.exec(own ?? '')?.[1];
  if (id === undefined) throw new Error(`no subscriber among: ${clients.join(', ')}`);
  await redis.call('CLIENT', 'KILL', 'ID', id);
}
