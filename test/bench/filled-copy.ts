import type { CounterSource, CounterValue } from '@spendgate/application';
import { rebuildCopy } from '@spendgate/application';
import { subjectsToCheck } from '@spendgate/domain';
import type { CheckRole, CheckedSubject } from '@spendgate/domain';
import { createCounterCopy } from '@spendgate/redis-store';
import { Redis } from 'ioredis';
import type { BenchServer } from './bench-servers.ts';
import { PREMIUM_MODEL, createBenchRules, publishToRedis } from './bench-rules.ts';

/** A Redis that holds the counters of so many customers, each with a base and a premium identity. */
export interface FilledCopy {
  /** `used_memory` that one customer's base identity added. */
  readonly bytesPerCustomer: number;
  /** What a check of the first customer reads; for others the name is another. */
  readonly reads: CopyReads;
  /** Makes the state young again, as the sweep does every second. */
  refresh(): Promise<void>;
  close(): void;
}

export interface CopyReads {
  readonly firstCustomer: string;
  readonly stateKey: string;
  readonly subjects: readonly {
    readonly key: string;
    readonly fields: readonly string[];
    readonly budgetId: string;
  }[];
}

const FIRST_CUSTOMER = 'customer-0@company.com';
const EPOCH = 1;
const PAGE_ROWS = 1_000;
const GLOBAL_STRIPES = 8;

export async function fillCopy(
  server: BenchServer,
  of: { customers: number; now: Date },
): Promise<FilledCopy> {
  const redis = new Redis(server.url);
  const copy = createCounterCopy(redis, { counterBuckets: 1 });
  const rules = createBenchRules(of.now);
  const subjects = subjectsToCheck(rules, { endUser: FIRST_CUSTOMER, model: PREMIUM_MODEL }, of.now);
  const putRole = async (role: CheckRole): Promise<void> => {
    for (let from = 0; from < of.customers; from += PAGE_ROWS) {
      const size = Math.min(PAGE_ROWS, of.customers - from);
      await copy.put(EPOCH, rowsOf(subjects, { role, from, size }));
    }
  };
  const before = await usedMemory(redis);
  await putRole('customer');
  const bytesPerCustomer = ((await usedMemory(redis)) - before) / of.customers;
  await putRole('premium');
  await publishToRedis(redis, rules);
  const global = subjects.filter((subject) => subject.role === 'global');
  const build = async (): Promise<void> => {
    const states = await copy.states();
    const state = states[0];
    await rebuildCopy(
      {
        source: sourceOf(global.flatMap(globalRows), rules.version),
        copy,
        newToken: () => crypto.randomUUID(),
      },
      {
        epoch: EPOCH,
        buckets: new Map([[0, state === 'unreachable' || state === undefined ? null : state]]),
      },
    );
  };
  await build();
  const reads = await readsOf(redis, subjects);
  return { bytesPerCustomer, reads, refresh: build, close: () => redis.disconnect() };
}

/** @throws Error when the counters stand elsewhere in Redis than this says. */
async function readsOf(redis: Redis, subjects: readonly CheckedSubject[]): Promise<CopyReads> {
  const reads = {
    firstCustomer: FIRST_CUSTOMER,
    stateKey: 'sg:{b0}:state',
    subjects: subjects.map((subject) => ({
      key: `sg:{b0}:e${EPOCH}:${subject.key}`,
      fields: Array.from({ length: subject.role === 'global' ? GLOBAL_STRIPES : 1 }, (_, stripe) =>
        stripe === 0 ? subject.periodId : `${subject.periodId}/${stripe}`,
      ),
      budgetId: subject.budget?.budgetId ?? '',
    })),
  };
  const found = await Promise.all([
    redis.exists(reads.stateKey),
    ...reads.subjects.flatMap(({ key, fields }) => fields.map(async (field) => redis.hexists(key, field))),
  ]);
  if (found.includes(0)) throw new Error('the floor of the check no longer knows how counters are stored');
  return reads;
}

function rowsOf(
  subjects: readonly CheckedSubject[],
  of: { readonly role: CheckRole; readonly from: number; readonly size: number },
): readonly CounterValue[] {
  return subjects
    .filter((subject) => subject.role === of.role)
    .flatMap((subject) =>
      Array.from({ length: of.size }, (_, index) => ({
        ...rowOf(subject, 0),
        subject: subject.key.replace('customer-0@', `customer-${of.from + index}@`),
      })),
    );
}

function globalRows(subject: CheckedSubject): readonly CounterValue[] {
  return Array.from({ length: GLOBAL_STRIPES }, (_, stripe) => rowOf(subject, stripe));
}

/** Of the length that real ones have: a version in microseconds, some dollars in nano-USD. */
function rowOf(subject: CheckedSubject, stripe: number): CounterValue {
  return {
    subject: subject.key,
    period: subject.periodId,
    periodEnd: subject.period.end,
    stripe,
    spentNanoUsd: 12_345_678_900n,
    version: 1_795_328_800_203_137,
  };
}

/** A source of the few rows that a rebuild is to write, in place of a database. */
function sourceOf(rows: readonly CounterValue[], rulesVersion: number): CounterSource {
  const none = async (): Promise<never> => Promise.reject(new Error('the bench does not ask for this'));
  return {
    snapshot: async () => Promise.resolve({ epoch: EPOCH, cursor: 1n, changesFrom: 0n, rulesVersion }),
    openPage: async (page) => Promise.resolve(page.after === null ? rows : []),
    confirmEpoch: none,
    raiseEpoch: none,
    changedSince: none,
    purgeChanges: none,
  };
}

async function usedMemory(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}
