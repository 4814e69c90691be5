import { setTimeout as delay } from 'node:timers/promises';
import { startService } from '@spendgate/testkit/servers';
import type { ProcessEnd, RunningService, ServiceName } from '@spendgate/testkit/servers';
import type { LocalPorts } from './local-ports.ts';
import { startLocalStores } from './local-stores.ts';
import type { LocalStores } from './local-stores.ts';
import { readFailure } from './log-line.ts';
import { prepareDatabase } from './prepare-database.ts';

const SERVICES = ['jobs', 'ingest', 'enforcer'] as const;
const READY_TIMEOUT_MS = 60_000;
const OTHER_FAILURES_MS = 1_500;

export interface LocalSystem {
  readonly stores: LocalStores;
  /** Resolves when a service ends although nobody asked it to. */
  readonly died: Promise<{ readonly name: ServiceName; readonly end: ProcessEnd; readonly output: string }>;
  /** Ends the services, then the stores that were started here. Safe to repeat. */
  stop(): Promise<void>;
}

/**
 * Starts stores and services, and waits until all are ready. When that fails, what had been started is stopped.
 * `onStarting` gets the way to stop everything before anything runs, for whoever interrupts the start.
 */
export async function startLocalSystem(of: {
  readonly dataDir: string;
  readonly throwAway: boolean;
  readonly ports: LocalPorts;
  /** Where DATABASE_URL and REDIS_URL are looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the services get, besides the stores' addresses and their ports. */
  readonly serviceEnv: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
  readonly onLine: (name: ServiceName, line: string) => void;
  readonly onStarting: (stop: () => Promise<void>) => void;
}): Promise<LocalSystem> {
  const stops: (() => Promise<void>)[] = [];
  let isStopping = false;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    isStopping = true;
    stopped ??= stopAll(stops);
    return stopped;
  };
  of.onStarting(stop);
  try {
    const stores = await startLocalStores({ ...of, onStop: (undo) => stops.push(undo) });
    of.say('Database: bringing the schema up to date');
    await prepareDatabase({ databaseUrl: stores.databaseUrl, say: of.say });
    of.say('Services: starting jobs, ingest and enforcer');
    const services = await startServices({ ...of, stores, stops });
    const died = Promise.race(
      services.map(async (service) => {
        const end = await service.exited;
        return isStopping
          ? await new Promise<never>(() => undefined)
          : { name: service.name, end, output: service.output() };
      }),
    );
    return { stores, died, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startServices(of: {
  readonly ports: LocalPorts;
  readonly stores: LocalStores;
  readonly serviceEnv: Readonly<Record<string, string | undefined>>;
  readonly onLine: (name: ServiceName, line: string) => void;
  readonly stops: (() => Promise<void>)[];
}): Promise<readonly RunningService[]> {
  const stops: (() => Promise<ProcessEnd>)[] = [];
  // All services end side by side, and before the stores do.
  of.stops.push(async () => void (await Promise.all(stops.map((stop) => stop()))));
  let isGivenUp = false;
  const starting = SERVICES.map(async (name) => {
    const env = {
      ...of.serviceEnv,
      REDIS_URL: of.stores.redisUrl,
      ...(name === 'enforcer' ? {} : { DATABASE_URL: of.stores.databaseUrl }),
      PORT: String(of.ports[name]),
    };
    const onLine = (line: string): void => of.onLine(name, line);
    const onSpawned = (stop: () => Promise<ProcessEnd>): void => {
      stops.push(stop);
      if (isGivenUp) void stop();
    };
    return await startService(name, { env, timeoutMs: READY_TIMEOUT_MS, onLine, onSpawned });
  });
  try {
    return await Promise.all(starting);
  } catch (error) {
    // One that cannot start is why others would not become ready; those that cannot start either are named with it.
    const results = await settledWithin(starting, OTHER_FAILURES_MS);
    isGivenUp = true;
    const failures = results.flatMap((result, index) =>
      result?.status === 'rejected' ? [`${SERVICES[index]} ${readFailure(messageOf(result.reason))}`] : [],
    );
    throw new Error(failures.join('\n'), { cause: error });
  }
}

/** How each of them ended; undefined for those that had not by then. */
async function settledWithin<Value>(
  promises: readonly Promise<Value>[],
  timeoutMs: number,
): Promise<readonly (PromiseSettledResult<Value> | undefined)[]> {
  const late = delay(timeoutMs, undefined, { ref: false });
  return await Promise.all(
    promises.map(async (promise) => {
      const [result] = await Promise.race([Promise.allSettled([promise]), late.then(() => [undefined])]);
      return result;
    }),
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function stopAll(stops: (() => Promise<void>)[]): Promise<void> {
  for (let next = stops.pop(); next !== undefined; next = stops.pop()) {
    // The others must end too, whatever happened to this one.
    await next().catch((error: unknown) => {
      process.stderr.write(`While stopping: ${messageOf(error)}\n`);
    });
  }
}
