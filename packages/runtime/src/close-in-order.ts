import type { Logger } from '@spendgate/observability';

export interface Owned {
  readonly name: string;
  close(): Promise<unknown>;
}

/**
 * Closes everything, last-opened first, each after the one before it; also what is added while it runs.
 * False when a close failed or the deadline passed; the rest is then left as it is.
 */
export async function closeInOrder(
  owned: Owned[],
  of: { readonly logger: Logger; readonly timeoutMs: number },
): Promise<boolean> {
  const { promise: deadline, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), of.timeoutMs);
  let clean = true;
  let next = owned.pop();
  while (next !== undefined) {
    const { name } = next;
    const outcome = await Promise.race([closeOne(next, of.logger), deadline]);
    if (outcome === 'late') {
      of.logger.error({ name, timeoutMs: of.timeoutMs }, 'did not close before the deadline');
      return false;
    }
    if (outcome === 'failed') clean = false;
    next = owned.pop();
  }
  clearTimeout(timer);
  return clean;
}

async function closeOne(owned: Owned, logger: Logger): Promise<'closed' | 'failed'> {
  try {
    await owned.close();
    return 'closed';
  } catch (error) {
    logger.error({ err: error, name: owned.name }, 'could not be closed');
    return 'failed';
  }
}
