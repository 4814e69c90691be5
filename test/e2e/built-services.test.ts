import { join } from 'node:path';
import { restamp, sampleEvent, waitFor } from '@spendgate/testkit';
import { PINNED_NODE, REPOSITORY, spawnServer } from '@spendgate/testkit/servers';
import { expect } from 'vitest';
import { check, sendEvents, spentBy } from './stack/client.ts';
import { start } from './stack/services.ts';
import { stackTest } from './stack/stores.ts';

const CUSTOMER = 'built@company.com';

/** As `npm run build` does it; what is current already is left as it is. */
async function build(): Promise<void> {
  const run = await spawnServer({
    command: PINNED_NODE,
    args: ['--conditions=@spendgate/source', join('scripts', 'build.ts')],
    cwd: REPOSITORY,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
  });
  expect((await run.exited).code, run.output()).toBe(0);
}

stackTest('what the build makes runs without the sources, and does the main job', async ({ stores }) => {
  await build();
  const options = { stores, built: true };
  // One after the other, for jobs publishes what the others need.
  const jobs = await start('jobs', options);
  const [ingest, enforcer] = await Promise.all([start('ingest', options), start('enforcer', options)]);
  try {
    const event = restamp(sampleEvent('event-success-plain-cheap'), {
      startedAt: new Date(),
      endUser: CUSTOMER,
      costUsd: 0.25,
    });
    expect(await sendEvents(ingest, [event])).toMatchObject({ accepted: 1 });
    await waitFor(async () => spentBy(await check(enforcer, { end_user: CUSTOMER }), CUSTOMER) === 0.25, {
      what: 'the event to be counted',
      timeoutMs: 10_000,
    });
    for (const service of [ingest, enforcer, jobs]) {
      expect(await service.stop()).toEqual({ code: 0, signal: null });
    }
  } finally {
    await Promise.all([ingest, enforcer, jobs].map(async (service) => service.stop()));
  }
});
