import { InvariantBroken, SpendStoreUnavailable } from '@spendgate/domain';
import { ReplyError } from 'ioredis';

/** Replies by which a server says that it cannot serve now, not that the request was wrong. */
const AWAY =
  /^(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|OOM|NOREPLICAS|MISCONF|NOAUTH|WRONGPASS|NOPERM|UNBLOCKED)\b|max number of clients|Too many Cluster redirections/u;

/**
 * What an error of the client means: Redis away or not ready (retryable), or, when Redis answered that the
 * request is wrong, a mistake of ours. Errors that are translated already stay as they are.
 */
export function toRedisFailure(error: unknown, what: string): Error {
  if (error instanceof SpendStoreUnavailable || error instanceof InvariantBroken) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ReplyError) {
    // The client hangs the whole command, customers and all, on such an error; logs must not have it.
    const cause = new Error(message);
    if (AWAY.test(message)) return new SpendStoreUnavailable(`${what}: ${message}`, { cause });
    return new InvariantBroken(`${what}: Redis refused the command: ${message}`, { cause });
  }
  return new SpendStoreUnavailable(`${what}: ${message}`, { cause: error });
}

/** Waits for one command. @throws SpendStoreUnavailable, InvariantBroken */
export async function fromRedis<T>(what: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw toRedisFailure(error, what);
  }
}

/** As `fromRedis`, in at most `timeoutMs`, whatever the client's own timeout is. */
export async function fromRedisWithin<T>(what: string, timeoutMs: number, reply: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const giveUp = (): void => {
    late.reject(new SpendStoreUnavailable(`${what}: no answer from Redis within ${timeoutMs} ms`));
  };
  // After a stall of this process timers come first: an answer that has arrived is read before the immediate.
  const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
  try {
    return await Promise.race([reply, late.promise]);
  } catch (error) {
    throw toRedisFailure(error, what);
  } finally {
    clearTimeout(timer);
  }
}
