import { invariant } from '@spendgate/domain';
import type { SpendEvent } from '@spendgate/domain';
import { settleEvents } from './record-events.ts';
import type { RecordPorts, RecordedOutcome } from './record-events.ts';
import type { Projection, RejectedEvent, RejectedEvents } from './rejected-events-port.ts';
import { retryLedger } from './retry-ledger.ts';

/** What reading a projection gives: an event, or what is wrong with it. */
export type ProjectionReading =
  { readonly ok: true; readonly event: SpendEvent } | { readonly ok: false; readonly detail: string };

export interface ReplayPorts extends RecordPorts {
  readonly rejected: Pick<RejectedEvents, 'find' | 'update'>;
  readonly readProjection: (projection: Projection, receivedAt: Date) => ProjectionReading;
}

export type ReplayResult =
  /** In the ledger: `duplicate` when it had been there already. */
  | { readonly outcome: 'recorded' | 'duplicate'; readonly rejected: RejectedEvent }
  /** Refused again for the reason given; it stays open. */
  | { readonly outcome: 'refused'; readonly reason: string; readonly detail: string }
  | { readonly outcome: 'dismissed' }
  | { readonly outcome: 'not_found' };

/**
 * Records a rejected event from its projection, as it stands after any repair, and closes the rejection.
 * Safe to repeat, also after a crash in between: the ledger counts the event's id once.
 * @throws LedgerUnavailable, StaleRules, RulesNotPublished - retryable.
 */
export async function replayRejected(
  ports: ReplayPorts,
  of: {
    readonly id: string;
    readonly by: string;
    readonly stripe: number;
    readonly deadlineAtMs: number;
  },
): Promise<ReplayResult> {
  const found = await retryLedger(ports, { ...of, attempt: () => ports.rejected.find(of.id) });
  if (found === undefined) return { outcome: 'not_found' };
  if (found.state === 'dismissed') return { outcome: 'dismissed' };
  if (found.state === 'replayed') return { outcome: 'duplicate', rejected: found };
  if (found.projection === null) return refused('invalid', 'nothing of the event could be kept');
  const reading = ports.readProjection(found.projection, found.receivedAt);
  if (!reading.ok) return refused('invalid', reading.detail);
  const { outcomes } = await settleEvents(ports, { ...of, events: [reading.event] });
  const [outcome] = outcomes;
  invariant(outcome !== undefined, 'every event has an outcome');
  return closeUnlessRefused(ports, { ...of, found, outcome });
}

async function closeUnlessRefused(
  ports: ReplayPorts,
  of: {
    readonly found: RejectedEvent;
    readonly outcome: RecordedOutcome;
    readonly by: string;
    readonly deadlineAtMs: number;
  },
): Promise<ReplayResult> {
  const { outcome, found } = of;
  if (outcome === 'id_conflict')
    return refused(outcome, 'id: already recorded with another start, cost or customer');
  if (outcome === 'refused_by_ledger') return refused(outcome, 'the ledger cannot store this event');
  const update = { id: found.id, state: 'replayed', by: of.by } as const;
  const closed = await retryLedger(ports, {
    ...of,
    // Nothing is updated when another replay closed it first: then it is shown as that one left it.
    attempt: async () => (await ports.rejected.update(update)) ?? (await ports.rejected.find(found.id)),
  });
  return { outcome, rejected: closed ?? found };
}

function refused(reason: string, detail: string): ReplayResult {
  return { outcome: 'refused', reason, detail };
}
