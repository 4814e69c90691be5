import { CHECK_TOKEN } from './bench-context.ts';
import type { BenchContext } from './bench-context.ts';
import type { BenchServer } from './bench-servers.ts';
import { PREMIUM_MODEL } from './bench-rules.ts';
import { measureCpu } from './cpu-meter.ts';
import { figure } from './figure.ts';
import type { Figure } from './figure.ts';
import { fillCopy } from './filled-copy.ts';
import type { FilledCopy } from './filled-copy.ts';
import { formatParts, runAlone, runInterleaved } from './rounds.ts';
import type { Side } from './rounds.ts';
import { startServiceProcess } from './service-process.ts';
import { measuredReply, nothing, urlReply } from './worker-commands.ts';
import { startWorkerProcess } from './worker-process.ts';

const CONNECTIONS = 32;
const CHECK_RATIO_AT_MOST = 1.5;
/** envoyproxy/ratelimit's JSON check with one counter took 130 to 144 µs on the machine this began on. */
const CHECK_AIM_US = 130;
const GROWTH_AT_MOST = 1.1;
/** Its limit is so near to 1 that the noise of a few rounds would cross it. */
const MORE_ROUNDS_OF_GROWTH = 3;
const BYTES_PER_CUSTOMER_AT_MOST = 400;
const CALM_CHECKS_PER_SECOND = 500;

/** CPU and latency of a check of a premium call: two identities and the global budget. */
export async function measureCheck(bench: BenchContext): Promise<readonly Figure[]> {
  const { sizes } = bench.options;
  const { redis, copy } = await openCopy(bench, { name: 'check', customers: sizes.fewCustomers });
  const ours = await openEnforcer(bench, { redis, copy, customers: sizes.fewCustomers });
  const floor = await openFloor({ redis, copy, customers: sizes.fewCustomers });
  try {
    const busy = await runInterleaved(
      [ours.side(sizes.checksPerRound), floor.side(sizes.checksPerRound)],
      sizes,
    );
    const [checked, floored] = busy;
    const calmly = ours.side(CALM_CHECKS_PER_SECOND * 2, CALM_CHECKS_PER_SECOND);
    const calm = await runAlone(calmly, { rounds: Math.min(3, sizes.rounds) });
    const perSecond = Math.round(checked.operationsPerSecond);
    return [
      figure({
        figure: 'check_cpu_us',
        value: checked.cpuUsPerOperation,
        unit: 'µs',
        floor: floored.cpuUsPerOperation,
        limit: { of: 'ratio', atMost: CHECK_RATIO_AT_MOST },
        notes: [
          `${CONNECTIONS} connections, ${perSecond} checks/s; the aim of under ${CHECK_AIM_US} µs is ${checked.cpuUsPerOperation < CHECK_AIM_US ? 'met' : 'NOT met'}`,
          formatParts('ours', checked.cpuUsByPart),
          formatParts('floor', floored.cpuUsByPart),
        ],
      }),
      figure({
        figure: 'check_p99_ms',
        value: checked.p99Ms,
        unit: 'ms',
        floor: floored.p99Ms,
        notes: [`all ${CONNECTIONS} connections busy all the time, so answers wait for one another`],
      }),
      figure({
        figure: 'check_p50_ms_at_500_per_s',
        value: calm.p50Ms,
        unit: 'ms',
        notes: [`counted from when a check was due; the slowest of a hundred: ${calm.p99Ms.toFixed(1)} ms`],
      }),
    ];
  } finally {
    await Promise.all([ours.close(), floor.close()]);
    copy.close();
  }
}

/** Whether a check costs more with many customers, and what one of them takes in Redis. */
export async function measureCheckGrowth(bench: BenchContext): Promise<readonly Figure[]> {
  const { sizes } = bench.options;
  const few = await openCopy(bench, { name: 'few', customers: sizes.fewCustomers });
  bench.say(`filling a Redis with ${sizes.manyCustomers} customers`);
  const many = await openCopy(bench, { name: 'many', customers: sizes.manyCustomers });
  const fewSide = await openEnforcer(bench, { ...few, customers: sizes.fewCustomers });
  const manySide = await openEnforcer(bench, { ...many, customers: sizes.manyCustomers });
  try {
    const checks = sizes.checksPerRound;
    const [fewResult, manyResult] = await runInterleaved([fewSide.side(checks), manySide.side(checks)], {
      rounds: sizes.rounds + MORE_ROUNDS_OF_GROWTH,
    });
    return [
      figure({
        figure: 'check_growth_ratio',
        value: manyResult.cpuUsPerOperation / fewResult.cpuUsPerOperation,
        unit: 'times',
        limit: { of: 'value', atMost: GROWTH_AT_MOST },
        notes: [
          formatParts(`${sizes.fewCustomers} customers`, fewResult.cpuUsByPart),
          formatParts(`${sizes.manyCustomers} customers`, manyResult.cpuUsByPart),
        ],
      }),
      figure({
        figure: 'redis_bytes_per_customer',
        value: many.copy.bytesPerCustomer,
        unit: 'bytes',
        limit: { of: 'value', atMost: BYTES_PER_CUSTOMER_AT_MOST },
        notes: ['one identity, one period; used_memory before and after'],
      }),
    ];
  } finally {
    await Promise.all([fewSide.close(), manySide.close()]);
    few.copy.close();
    many.copy.close();
  }
}

interface OpenedCopy {
  readonly redis: BenchServer;
  readonly copy: FilledCopy;
}

async function openCopy(
  bench: BenchContext,
  of: { readonly name: string; readonly customers: number },
): Promise<OpenedCopy> {
  const redis = await bench.servers.startRedis(of.name, { durable: false });
  return { redis, copy: await fillCopy(redis, { customers: of.customers, now: bench.now }) };
}

interface Checked {
  /** `perSecond` not given: as fast as answers come. */
  side(checks: number, perSecond?: number): Side;
  close(): Promise<void>;
}

async function openEnforcer(
  bench: BenchContext,
  of: OpenedCopy & { readonly customers: number },
): Promise<Checked> {
  await of.copy.refresh();
  const service = await startServiceProcess({
    name: 'enforcer',
    env: {
      REDIS_URL: of.redis.url,
      ENFORCER_TOKENS: `bench:${CHECK_TOKEN}`,
      LLM_PROXY_BUDGET_CHECK_ENABLED: 'true',
      // Slow answers are to show as slow, not as degraded.
      CHECK_TIMEOUT_MS: '5000',
    },
    profileDir: bench.options.profileDir,
  });
  return openChecked({
    ...of,
    url: service.url,
    path: '/v1/check',
    pid: service.pid,
    stop: () => service.stop(),
  });
}

async function openFloor(of: OpenedCopy & { readonly customers: number }): Promise<Checked> {
  const floor = await startWorkerProcess('floor-check-process.ts');
  const { url } = await floor.command('listen', { redisUrl: of.redis.url, ...of.copy.reads }, urlReply);
  return openChecked({ ...of, url, path: '/check', pid: floor.pid, stop: () => floor.stop() });
}

async function openChecked(
  of: OpenedCopy & {
    readonly customers: number;
    readonly url: string;
    readonly path: string;
    readonly pid: number;
    readonly stop: () => Promise<void>;
  },
): Promise<Checked> {
  const load = await startWorkerProcess('load-checks-process.ts');
  const target = { token: CHECK_TOKEN, connections: CONNECTIONS, model: PREMIUM_MODEL };
  await load.command('connect', { ...target, url: of.url, path: of.path, customers: of.customers }, nothing);
  return {
    side: (checks, perSecond) => ({
      prepare: async () => of.copy.refresh(),
      run: async () => {
        const parts = { process: of.pid, redis: of.redis.pid };
        const run = async () => load.command('run', { checks, perSecond: perSecond ?? null }, measuredReply);
        const { result, cpuUs } = await measureCpu(parts, run);
        return { ...result, cpuUs };
      },
    }),
    close: async () => {
      await load.stop();
      await of.stop();
    },
  };
}
