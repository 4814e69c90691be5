import type { CounterCopy } from './counter-copy-port.ts';
import type { CounterKey, CounterSource } from './counter-source-port.ts';

export interface WalkResult {
  readonly pushed: number;
  /** Where the next call goes on; null when the end was reached, to begin anew. */
  readonly next: CounterKey | null;
}

/**
 * Pushes one page of the open rows, whatever the copy says of itself: the net under losses of single
 * keys, which no cursor shows. Safe to repeat and to run beside anything.
 * @throws LedgerUnavailable, SpendStoreUnavailable - go on from the same position later.
 */
export async function walkOnce(
  ports: { readonly source: CounterSource; readonly copy: CounterCopy },
  of: { readonly after: CounterKey | null; readonly limit: number },
): Promise<WalkResult> {
  // The epoch is read first: rows read later can then only be put under an epoch that has passed.
  const { epoch } = await ports.source.snapshot();
  const rows = await ports.source.openPage({ after: of.after, limit: of.limit });
  if (rows.length > 0) await ports.copy.put(epoch, rows);
  const last = rows.at(-1);
  const next =
    last === undefined || rows.length < of.limit
      ? null
      : { subject: last.subject, period: last.period, stripe: last.stripe };
  return { pushed: rows.length, next };
}
