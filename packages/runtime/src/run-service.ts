import { createLogger } from '@spendgate/observability';
import type { Logger } from '@spendgate/observability';
import { closeInOrder } from './close-in-order.ts';
import type { Owned } from './close-in-order.ts';

/** A service's life: what it owns and how it ends. */
export interface Life {
  /** True from the first signal to stop. */
  readonly stopping: boolean;
  /** Keeps `value` until the end, then calls `close` on it, last-opened first. Returns `value`. */
  own<T>(name: string, value: T, close: (value: T) => unknown): T;
  /** Replaces the defaults (level info, 25 s) once the configuration is read. */
  configure(of: { readonly logger?: Logger; readonly shutdownTimeoutMs?: number }): void;
  /** Ends the service as SIGTERM does, but with exit code 1: for losses that only a restart can mend. */
  fail(error: unknown): void;
}

/** What a life needs of the process; a parameter for tests. */
export interface ProcessHost {
  on(event: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (error: unknown) => void): unknown;
  exit(code: number): void;
}

const DEFAULT_SHUTDOWN_TIMEOUT_MS = 25_000;

/**
 * Runs a service until SIGTERM or SIGINT, then closes what it owns, last-opened first, and exits with 0;
 * with 1 when that takes longer than the deadline, or a close fails. A second signal exits at once. A
 * failing start, an uncaught error and an unhandled rejection are logged and exit with 1.
 */
export async function runService(
  name: string,
  start: (life: Life) => Promise<void>,
  host: ProcessHost = process,
): Promise<void> {
  const run = createRun(name, host);
  host.on('SIGTERM', () => void run.stop('SIGTERM'));
  host.on('SIGINT', () => void run.stop('SIGINT'));
  host.on('uncaughtException', (error) => run.die(error, 'uncaught exception'));
  host.on('unhandledRejection', (error) => run.die(error, 'unhandled rejection'));
  try {
    await start(run.life);
    if (!run.life.stopping) run.logger().info('started');
  } catch (error) {
    if (run.life.stopping) return;
    run.logger().fatal({ err: error }, 'could not start');
    await run.end(1);
  }
}

function createRun(name: string, host: ProcessHost) {
  const owned: Owned[] = [];
  let logger = createLogger({ service: name, level: 'info' });
  let shutdownTimeoutMs = DEFAULT_SHUTDOWN_TIMEOUT_MS;
  let ending: Promise<void> | undefined;

  const end = (code: number): Promise<void> => {
    ending ??= closeAndExit(code);
    return ending;
  };
  const closeAndExit = async (code: number): Promise<void> => {
    const clean = await closeInOrder(owned, { logger, timeoutMs: shutdownTimeoutMs });
    logger.info({ clean }, 'stopped');
    host.exit(clean ? code : 1);
  };
  const life: Life = {
    get stopping() {
      return ending !== undefined;
    },
    own: (ownedName, value, close) => {
      owned.push({ name: ownedName, close: async () => close(value) });
      return value;
    },
    configure: (of) => {
      logger = of.logger ?? logger;
      shutdownTimeoutMs = of.shutdownTimeoutMs ?? shutdownTimeoutMs;
    },
    fail: (error) => {
      logger.fatal({ err: error }, 'the service cannot go on');
      void end(1);
    },
  };
  return {
    life,
    end,
    logger: () => logger,
    stop: (signal: string): Promise<void> => {
      if (ending !== undefined) {
        logger.warn({ signal }, 'second signal: exiting at once');
        host.exit(1);
        return ending;
      }
      logger.info({ signal }, 'stopping');
      return end(0);
    },
    die: (error: unknown, what: string): void => {
      logger.fatal({ err: error }, what);
      host.exit(1);
    },
  };
}
