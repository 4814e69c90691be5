import { connectLedger } from '@spendgate/ledger';
import { attributedEvent, waitFor } from '@spendgate/testkit';
import type { RunningService } from '@spendgate/testkit';
import { describe, expect } from 'vitest';
import { check } from './stack/client.ts';
import { runOperatorCommand } from './stack/operator-command.ts';
import { start } from './stack/services.ts';
import { stackTest } from './stack/stores.ts';
import type { Stores } from './stack/stores.ts';

const CUSTOMER = 'john@company.com';
const MONTH = '2026-01';

function envOf(stores: Stores): Record<string, string> {
  return { DATABASE_URL: stores.databaseUrl, REDIS_URL: stores.redisUrl };
}

/** One call of one cent by nobody, charged to the whole proxy for ever. */
async function countOneCall(stores: Stores): Promise<void> {
  const ledger = await connectLedger({
    databaseUrl: stores.databaseUrl,
    applicationName: 'operator-commands',
    maxConnections: 2,
    statementTimeoutMs: 10_000,
  });
  const startedAt = new Date(`${MONTH}-15T12:00:00Z`);
  await ledger.upkeep.createPartitions({ at: startedAt, monthsAhead: 0 });
  const published = await ledger.rules.find();
  await ledger.ledger.record({
    rulesVersion: published?.version ?? 0,
    stripe: 0,
    events: [attributedEvent({ event: { id: 'one', startedAt, endUser: null } })],
  });
  await ledger.close();
}

async function untilWhole(enforcer: RunningService): Promise<void> {
  await waitFor(async () => !(await check(enforcer, { end_user: CUSTOMER })).degraded, {
    what: 'answers that are not degraded',
    timeoutMs: 10_000,
  });
}

describe('npm run rebuild', () => {
  stackTest('builds the copy anew under a higher epoch, whatever stands in it', async ({ stores }) => {
    const jobs = await start('jobs', { stores, env: { WALK_INTERVAL_MS: '3600000' } });
    await countOneCall(stores);
    const enforcer = await start('enforcer', { stores });
    await untilWhole(enforcer);
    await waitFor(async () => (await globalSpend(stores)).length === 1, {
      what: 'the call in Redis',
      timeoutMs: 5_000,
    });
    const [key = ''] = await globalSpend(stores);
    // A higher version than any to come, so that no push would mend it.
    await stores.redis.hset(key, 'none', '9007199254740000:1');

    const rebuild = await runOperatorCommand({ script: 'rebuild', env: envOf(stores) });
    expect(rebuild.output).toMatch(/Epoch: raised from \d+ to \d+/);
    expect(rebuild.output).toMatch(/Redis: whole again under epoch \d+/);
    expect(rebuild.code).toBe(0);

    await untilWhole(enforcer);
    const epoch = /under epoch (\d+)/.exec(rebuild.output)?.[1];
    expect(await stores.redis.hget(`sg:{b0}:e${epoch}:global:proxy`, 'none')).toMatch(/:10000000$/);
    await Promise.all([enforcer, jobs].map(async (service) => service.stop()));
  });

  stackTest('ends in time, and says what to look at, when nobody rebuilds', async ({ stores }) => {
    const env = { ...envOf(stores), REBUILD_WAIT_MS: '1000' };
    const { code, output } = await runOperatorCommand({ script: 'rebuild', env });
    expect(output).toContain('only 0 of 1 buckets are whole');
    expect(output).toContain('Does a jobs service run');
    expect(code).toBe(1);
  });

  stackTest('needs no Redis to raise the epoch', async ({ stores }) => {
    const env = { DATABASE_URL: stores.databaseUrl };
    const { code, output } = await runOperatorCommand({ script: 'rebuild', env });
    expect(output).toContain('Epoch: raised');
    expect(code).toBe(0);
  });
});

describe('npm run detach', () => {
  stackTest('detaches a month, says where its rows are, and may be repeated', async ({ stores }) => {
    const run = async (month: string) =>
      runOperatorCommand({ script: 'detach', args: [month], env: envOf(stores) });
    const first = await run(MONTH);
    expect(first.output).toContain(`spendgate.spend_events_2026_01_detached_1`);
    expect(first.output).toContain('Opening balances noted: 1');
    expect(first.code).toBe(0);
    const again = await run(MONTH);
    expect(again).toMatchObject({ code: 0 });
    expect(again.output).toContain('nothing to do');
    const thisMonth = await run(new Date().toISOString().slice(0, 7));
    expect(thisMonth.output).toContain('is not over');
    expect(thisMonth.code).toBe(1);
    expect((await run('January')).output).toContain('which month?');
  });
});

async function globalSpend(stores: Stores): Promise<readonly string[]> {
  return stores.redis.keys('sg:{b0}:e*:global:proxy');
}
