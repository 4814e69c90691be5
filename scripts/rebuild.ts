// npm run rebuild: raises the epoch, by which the counters' copy in Redis is built anew from PostgreSQL. For an operator
// who knows that the database has gone back (a failover that lost commits, a restore) where it cannot tell so itself, or
// who does not trust the copy. Harmless at any time but for the degraded answers while it lasts.
import { setTimeout as delay } from 'node:timers/promises';
import type { BucketReading } from '@spendgate/application';
import { integer, readEnvironment } from '@spendgate/config';
import { closeRedis, connectRedis, createCounterCopy } from '@spendgate/redis-store';
import { z } from 'zod';
import { runOnLedger } from './operator-stores.ts';
import type { OperatorStores } from './operator-stores.ts';
import { printStep } from './screen.ts';

const POLL_MS = 250;
const REMIND_MS = 15_000;
const environment = z.object({ REBUILD_WAIT_MS: integer(1_000, 86_400_000).default(900_000) });

await runOnLedger('rebuild', async (ledger, stores) => {
  const { REBUILD_WAIT_MS: waitMs } = readEnvironment(environment, process.env);
  const before = await ledger.counterSource.snapshot();
  if (before.epoch === 0) {
    printStep('No service has counted in this database yet, so there is nothing to rebuild');
    return;
  }
  const epoch = await ledger.counterSource.raiseEpoch();
  printStep(`Epoch: raised from ${before.epoch} to ${epoch}`);
  printStep('The jobs service now builds the copy in Redis anew with its next sweep');
  printStep('Until it is whole, the enforcer answers by FAIL_MODE and says degraded; counting goes on');
  if (stores.redisUrl === null) {
    printStep(
      'Set REDIS_URL to see here when it is done; else see spendgate_rebuilds_total of the jobs service',
    );
    return;
  }
  await untilWhole({ epoch, stores, redisUrl: stores.redisUrl, waitMs });
});

async function untilWhole(of: {
  readonly epoch: number;
  readonly stores: OperatorStores;
  readonly redisUrl: string;
  readonly waitMs: number;
}): Promise<void> {
  const { epoch, stores, waitMs } = of;
  const redis = await connectRedis({ redisUrl: of.redisUrl, name: 'spendgate-rebuild' });
  try {
    const copy = createCounterCopy(redis, { counterBuckets: stores.counterBuckets });
    const beganMs = performance.now();
    let told = -1;
    let toldMs = beganMs;
    for (;;) {
      const whole = (await copy.states()).filter((state) => isWhole(state, epoch)).length;
      const passedMs = performance.now() - beganMs;
      const seconds = (passedMs / 1_000).toFixed(1);
      if (whole === copy.bucketCount) {
        printStep(`Redis: whole again under epoch ${epoch}, after ${seconds} s`);
        return;
      }
      if (passedMs > waitMs) throw new Error(notWhole({ whole, of: copy.bucketCount, seconds }));
      if (whole !== told || performance.now() - toldMs > REMIND_MS) {
        printStep(`Redis: ${whole} of ${copy.bucketCount} buckets are whole, ${seconds} s`);
        told = whole;
        toldMs = performance.now();
      }
      await delay(POLL_MS);
    }
  } finally {
    await closeRedis(redis);
  }
}

/** A newer epoch is as good: another raise came after ours. */
function isWhole(state: BucketReading, epoch: number): boolean {
  return state !== null && state !== 'unreachable' && state.epoch >= epoch;
}

function notWhole(of: { readonly whole: number; readonly of: number; readonly seconds: string }): string {
  return `only ${of.whole} of ${of.of} buckets are whole after ${of.seconds} s. The epoch is raised, and the rebuild goes on without this command. Does a jobs service run on this database and this Redis, and is COUNTER_BUCKETS here what it is there?`;
}
