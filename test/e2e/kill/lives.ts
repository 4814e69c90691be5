import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwAwayFolder } from '@spendgate/testkit';
import type { RunningService } from '@spendgate/testkit';
import { expect } from 'vitest';
import { start } from '../stack/services.ts';
import type { Stores } from '../stack/stores.ts';
import { MONTHLY, expectEqualSums, missingFromLedger, rejectedIds } from '../stack/sums.ts';
import type { Topic } from '../stack/topic.ts';
import type { Operation, Workload } from './workload.ts';

const ENTRY = 'test/e2e/kill/ingest-that-dies.ts';
const LIFE_TIMEOUT_MS = 40_000;
const RETRY_PAUSE_MS = 20;

export interface Lives {
  /** Works one round to its end and returns the steps that were reached. */
  discover(): Promise<readonly string[]>;
  /** Works, with new rounds as long as it takes, until ingest has died at this step; then checks what is left. */
  dieAt(step: string): Promise<void>;
  /** Does what is still to be done, with an ingest that is not killed. */
  finish(): Promise<void>;
  stop(): Promise<void>;
}

/** Runs ingest again and again on the same stores; what one life did not answer, the next one is asked again. */
export function createLives(of: {
  readonly stores: Stores;
  readonly topic?: Topic;
  readonly workload: Workload;
}): Lives {
  const { stores, topic, workload } = of;
  const folder = throwAwayFolder();
  const pending: Operation[] = [];
  let alive: RunningService | undefined;

  const begin = async (name: string, dieAt: string | undefined): Promise<RunningService> => {
    const file = join(folder, name);
    const env = { STEPS_FILE: file, DIE_AT: dieAt, LOG_LEVEL: 'warn' };
    // What an earlier life left in Kafka may kill this one before it is ready.
    const options = { env, entry: ENTRY, waitFor: 'nothing' } as const;
    alive = await start('ingest', { stores, ...(topic === undefined ? {} : { topic }), ...options });
    return alive;
  };

  const workOff = async (ingest: RunningService, isOver: () => boolean): Promise<void> => {
    const deadlineAtMs = performance.now() + LIFE_TIMEOUT_MS;
    for (let next = pending[0]; next !== undefined && !isOver(); next = pending[0]) {
      try {
        await next(ingest);
        pending.shift();
      } catch (error) {
        if (!isOver() && performance.now() > deadlineAtMs) {
          throw new Error(`An operation did not succeed in time. Ingest printed:\n${ingest.output()}`, {
            cause: error,
          });
        }
        // Gives a killed process the time to be seen as ended.
        await sleep(RETRY_PAUSE_MS);
      }
    }
  };

  return {
    discover: async () => {
      const ingest = await begin('discovery', undefined);
      pending.push(...workload.nextRound());
      await workOff(ingest, () => false);
      await settled(of);
      await ingest.stop();
      return readFileSync(join(folder, 'discovery'), 'utf8').trim().split('\n');
    },
    dieAt: async (step) => {
      const ingest = await begin(step.replaceAll(' ', '-'), step);
      const isOver = whetherEnded(ingest);
      const deadlineAtMs = performance.now() + LIFE_TIMEOUT_MS;
      while (!isOver() && performance.now() < deadlineAtMs) {
        if (pending.length === 0) pending.push(...workload.nextRound());
        await workOff(ingest, isOver);
      }
      if (!isOver()) throw new Error(`Ingest never came to "${step}". It printed:\n${ingest.output()}`);
      expect((await ingest.exited).signal, `how ingest ended at "${step}"`).toBe('SIGKILL');
      await topic?.forgetMembers();
      await checkRemains({ ...of, step });
    },
    finish: async () => {
      const ingest = await begin('finish', undefined);
      await workOff(ingest, () => false);
      await settled(of);
    },
    stop: async () => {
      if (existsSync(folder)) await alive?.stop();
    },
  };
}

function whetherEnded(service: RunningService): () => boolean {
  let ended = false;
  void service.exited.then(() => (ended = true));
  return () => ended;
}

/** What must hold at any instant, and so right after a death, before anything is sent again. */
async function checkRemains(of: {
  readonly stores: Stores;
  readonly topic?: Topic;
  readonly workload: Workload;
  readonly step: string;
}): Promise<void> {
  if (of.topic === undefined) {
    const { taken, refused } = of.workload.acknowledged;
    expect(await missingFromLedger(of.stores, taken), `lost by dying at "${of.step}"`).toEqual([]);
    const kept = new Set(await rejectedIds(of.stores));
    expect(
      [...refused].filter((id) => !kept.has(id)),
      `refused and lost by dying at "${of.step}"`,
    ).toEqual([]);
  }
  await expectEqualSums(of.stores, MONTHLY).catch((error: unknown) => {
    throw new Error(`after "${of.step}"`, { cause: error });
  });
}

/** With Kafka, waits until everything produced is taken from it. */
async function settled(of: { readonly topic?: Topic }): Promise<void> {
  const { topic } = of;
  if (topic === undefined) return;
  await expect.poll(async () => topic.lag(), { timeout: LIFE_TIMEOUT_MS, interval: 50 }).toBe(0);
}
