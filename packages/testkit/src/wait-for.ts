import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until `condition` gives something other than undefined, null or false, and returns it. A throw counts as "not
 * yet"; the last one is the cause of the error.
 * @throws Error naming `what` when the deadline passed.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  of: { readonly what: string; readonly timeoutMs?: number; readonly intervalMs?: number },
): Promise<Exclude<T, undefined | null | false>> {
  const timeoutMs = of.timeoutMs ?? 10_000;
  const deadlineAt = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (isThere(value)) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadlineAt) {
      throw new Error(`Waited ${timeoutMs} ms in vain for: ${of.what}`, { cause });
    }
    await delay(of.intervalMs ?? 25);
  }
}

function isThere<T>(value: T): value is Exclude<T, undefined | null | false> {
  return value !== undefined && value !== null && value !== false;
}
