import {
  InvariantBroken,
  LedgerRefusedData,
  LedgerUnavailable,
  SchemaOutdated,
  SpendStoreUnavailable,
} from '@spendgate/domain';
import { restamp, sampleEvent, startService, storesTest, waitFor } from '@spendgate/testkit';
import { describe, expect, onTestFinished } from 'vitest';
import { answerSchema, ledgerSums, publish, spentBySubject, startIngest, TOKENS } from './started-ingest.ts';
import { gated } from './tcp-gate.ts';

const plain = sampleEvent('event-success-plain-cheap');
const fresh = (changes: Parameters<typeof restamp>[1] = {}) =>
  restamp(plain, { startedAt: new Date(), costUsd: 1, ...changes });

describe('faults between receipt and answer', () => {
  storesTest('counts once when the answer of a commit is lost', async ({ database, redisUrl }) => {
    await publish(database.url);
    let lost = 0;
    const ingest = await startIngest(
      { databaseUrl: database.url, redisUrl },
      {
        wrap: (ports) => ({
          ...ports,
          ledger: {
            ...ports.ledger,
            record: async (batch) => {
              const result = await ports.ledger.record(batch);
              if (lost++ === 0) throw new LedgerUnavailable('the answer was lost');
              return result;
            },
          },
        }),
      },
    );
    const answer = await ingest.post([fresh(), fresh()]);
    expect(answer.accepted + answer.duplicates).toBe(2);
    expect(await ledgerSums(database)).toEqual({ rows: 2, cost: 2_000_000_000n });
    expect((await spentBySubject(database))['global:proxy']).toBe(2_000_000_000n);
  });

  storesTest(
    'pushes what duplicates had charged, when the push of the first time was lost',
    async ({ database, redis, redisUrl }) => {
      await publish(database.url);
      let pushes = 0;
      let skippedMs = 0;
      const ingest = await startIngest(
        { databaseUrl: database.url, redisUrl },
        {
          wrap: (ports) => ({
            ...ports,
            clock: { ...ports.clock, nowMs: () => ports.clock.nowMs() + skippedMs },
            copy: {
              put: async (epoch, counters) => {
                if (pushes++ === 0) throw new SpendStoreUnavailable('lost');
                await ports.copy.put(epoch, counters);
              },
            },
          }),
        },
      );
      const events = [fresh({ endUser: 'a@b.c' })];
      await ingest.post(events);
      expect(await redis.keys('sg:{b0}:e*:customer:a@b.c')).toEqual([]);
      // Redis is left alone for a second after a failure.
      skippedMs = 10_000;
      expect(await ingest.post(events)).toMatchObject({ duplicates: 1 });
      expect(await redis.keys('sg:{b0}:e*:customer:a@b.c')).toHaveLength(1);
    },
  );

  storesTest('answers 503 when what was refused cannot be parked', async ({ database, redisUrl }) => {
    await publish(database.url);
    const park = async () => Promise.reject(new LedgerUnavailable('away'));
    const ingest = await startIngest(
      { databaseUrl: database.url, redisUrl },
      {
        env: { LEDGER_DEADLINE_MS: '200' },
        wrap: (ports) => ({ ...ports, rejected: { ...ports.rejected, park } }),
      },
    );
    const refused = await ingest.send(JSON.stringify([fresh(), { ...fresh(), status: 'odd' }]));
    expect(refused.status).toBe(503);
  });
});

describe('what keeps sound events from being durable', () => {
  const failures = [
    new SchemaOutdated('no such column'),
    new InvariantBroken('PostgreSQL: 42P13'),
    new LedgerRefusedData('22P05'),
    new TypeError('undefined is not a function'),
  ];

  storesTest('is answered 503 whatever it is, and nothing is parked', async ({ database, redisUrl }) => {
    await publish(database.url);
    let failure: Error | undefined;
    const failing = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      if (failure !== undefined) throw failure;
      return work();
    };
    const ingest = await startIngest(
      { databaseUrl: database.url, redisUrl },
      {
        wrap: (ports) => ({
          ...ports,
          ledger: { ...ports.ledger, record: (batch) => failing(() => ports.ledger.record(batch)) },
          rejected: {
            ...ports.rejected,
            park: (rejections) => failing(() => ports.rejected.park(rejections)),
          },
        }),
      },
    );
    for (failure of failures) {
      const responses = await Promise.all([
        ingest.send(JSON.stringify([fresh()])),
        ingest.send(JSON.stringify([{ ...fresh(), status: 'odd' }])),
      ]);
      for (const response of responses) {
        expect([failure.name, response.status]).toEqual([failure.name, 503]);
        expect(response.headers.get('retry-after')).toBe('1');
      }
    }
    failure = undefined;
    expect((await ingest.call('GET', '/v1/rejected-events')).body).toMatchObject({ items: [] });
    expect(await ingest.post([fresh()])).toMatchObject({ accepted: 1 });
  });
});

describe('stores that hang', () => {
  const DEADLINE_MS = 1_000;
  /** What a busy machine may add; without bounds of our own an answer took many times the deadline. */
  const SLACK_MS = 1_000;
  const timed = async <Result>(work: Promise<Result>): Promise<{ result: Result; tookMs: number }> => {
    const startMs = performance.now();
    const result = await work;
    return { result, tookMs: performance.now() - startMs };
  };

  storesTest('answers 503 at the deadline while PostgreSQL hangs', async ({ database, redisUrl }) => {
    await publish(database.url);
    const { url, gate } = await gated(database.url, 5_432);
    const ingest = await startIngest(
      { databaseUrl: url, redisUrl },
      { env: { LEDGER_DEADLINE_MS: String(DEADLINE_MS) } },
    );
    await ingest.post([fresh()]);
    gate.hang();
    // More at once than there are lanes and connections, so that most wait behind others.
    const bodies = Array.from({ length: 16 }, () => JSON.stringify([fresh(), { ...fresh(), status: 'odd' }]));
    const answers = await Promise.all(bodies.map((body) => timed(ingest.send(body))));
    expect(answers.map(({ result }) => result.status)).toEqual(bodies.map(() => 503));
    expect(answers[0]?.result.headers.get('retry-after')).toBe('1');
    expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(DEADLINE_MS + SLACK_MS);
    gate.open();
    await waitFor(async () => (await ingest.send(JSON.stringify([fresh()]))).status === 200, {
      what: 'events to be taken again',
      timeoutMs: 20_000,
    });
  });

  storesTest('does not wait for a Redis that hangs', async ({ database, redisUrl }) => {
    await publish(database.url);
    const { url, gate } = await gated(redisUrl, 6_379);
    const ingest = await startIngest({ databaseUrl: database.url, redisUrl: url });
    await ingest.post([fresh()]);
    gate.hang();
    for (let post = 0; post < 3; post++) {
      const { tookMs } = await timed(ingest.post([fresh()]));
      expect(tookMs).toBeLessThan(800);
    }
    expect((await ledgerSums(database)).rows).toBe(4);
  });
});

describe('the process', () => {
  storesTest('ends on SIGTERM with every answered event in the ledger', async ({ database, redisUrl }) => {
    await publish(database.url);
    const service = await startService('ingest', {
      env: { DATABASE_URL: database.url, REDIS_URL: redisUrl, INGEST_TOKENS: `litellm:${TOKENS.ingest}` },
    });
    onTestFinished(async () => void (await service.kill()));
    let answered = 0;
    const sendUntilRefused = async (): Promise<void> => {
      for (;;) {
        const response = await fetch(`${service.url}/v1/events`, {
          method: 'POST',
          headers: { authorization: `Bearer ${TOKENS.ingest}` },
          body: JSON.stringify([fresh(), fresh(), fresh()]),
        }).catch(() => undefined);
        if (response?.status !== 200) return;
        answered += answerSchema.parse(await response.json()).accepted;
      }
    };
    const senders = [1, 2, 3, 4].map(sendUntilRefused);
    await waitFor(() => answered > 50, { what: 'some answers', timeoutMs: 20_000 });
    const end = await service.stop();
    await Promise.all(senders);
    expect(end.code).toBe(0);
    expect((await ledgerSums(database)).rows).toBeGreaterThanOrEqual(answered);
    expect(service.output()).not.toContain('"level":"error"');
  });
});
