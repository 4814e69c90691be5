import { LedgerRefusedData, attribute, invariant } from '@spendgate/domain';
import type { SpendEvent } from '@spendgate/domain';
import type { CounterCopy } from './counter-copy-port.ts';
import type { CounterValue, EventOutcome, Ledger } from './ledger-port.ts';
import type { RejectedEvents, Rejection } from './rejected-events-port.ts';
import { retryLedger } from './retry-ledger.ts';
import type { Clock } from './retry-ledger.ts';
import type { RulesInForce } from './rules-in-force.ts';

/** Where an event came from, as its rejection would say it. */
export type EventOrigin = Pick<Rejection, 'projection' | 'source' | 'sourceOffset' | 'receivedAt'>;

/** `refused_by_ledger`: PostgreSQL cannot store the event; it is parked. */
export type RecordedOutcome = EventOutcome | 'refused_by_ledger';

export interface RecordPorts {
  readonly rules: RulesInForce;
  readonly ledger: Pick<Ledger, 'record'>;
  readonly copy: Pick<CounterCopy, 'put'>;
  readonly clock: Clock;
  /** Told of each push that failed after a commit; the sweep owes it. Must not throw. */
  readonly onPushOwed: (error: unknown) => void;
  /** Told why an event is `refused_by_ledger`. Must not throw. */
  readonly onRefused: (error: unknown) => void;
}

export interface RecordEventsPorts extends RecordPorts {
  readonly rejected: Pick<RejectedEvents, 'park'>;
}

export interface EventsToRecord {
  readonly events: readonly SpendEvent[];
  /** The writer's stripe, 0 to 7. */
  readonly stripe: number;
  /** After this no new try begins. */
  readonly deadlineAtMs: number;
}

/** One outcome for each event, in its order. */
export interface RecordEventsResult {
  readonly outcomes: readonly RecordedOutcome[];
}

/**
 * Records a batch: ledger transactions, then the counters' copy in Redis, then whatever was refused is
 * parked. Safe to repeat: the ledger counts each event id once, and the copy keeps the newest version.
 * Callers acknowledge the batch once this resolves; a failed push does not fail it, the sweep owes it.
 * @throws LedgerUnavailable, StaleRules, RulesNotPublished - retryable; a repetition finds what was recorded.
 * @throws InvariantBroken, SchemaOutdated and the like - not retryable by us, and none of the events' fault.
 */
export async function recordEvents(
  ports: RecordEventsPorts,
  of: EventsToRecord & { readonly origin: (index: number) => EventOrigin },
): Promise<RecordEventsResult> {
  const { outcomes } = await settleEvents(ports, of);
  const rejections = outcomes.flatMap((outcome, index) => {
    const event = of.events[index];
    return event === undefined || outcome === 'recorded' || outcome === 'duplicate'
      ? []
      : [toRejection(outcome, event, of.origin(index))];
  });
  if (rejections.length > 0) {
    await retryLedger(ports, { ...of, attempt: () => ports.rejected.park(rejections) });
  }
  return { outcomes };
}

/**
 * `recordEvents` without the parking, for callers that keep what was refused themselves. An id that
 * occurs again in the batch is settled after its first occurrence, so that the ledger alone decides.
 */
export async function settleEvents(ports: RecordPorts, of: EventsToRecord): Promise<RecordEventsResult> {
  const outcomes = Array.from<RecordedOutcome | undefined>({ length: of.events.length });
  let waiting = of.events.map((event, index) => ({ event, index }));
  while (waiting.length > 0) {
    const { first, again, others } = splitById(waiting);
    await recordDistinct(ports, { ...of, entries: first, outcomes });
    for (const { index, firstIndex } of again) outcomes[index] = outcomeOfRepetition(outcomes[firstIndex]);
    waiting = others;
  }
  return { outcomes: outcomes.map(settled) };
}

function settled(outcome: RecordedOutcome | undefined): RecordedOutcome {
  invariant(outcome !== undefined, 'every event of a batch has an outcome');
  return outcome;
}

interface Entry {
  readonly event: SpendEvent;
  readonly index: number;
}

/** `again` repeats a first entry exactly; `others` bear its id with other content. */
function splitById(entries: readonly Entry[]) {
  const seen = new Map<string, Entry>();
  const first: Entry[] = [];
  const again: { index: number; firstIndex: number }[] = [];
  const others: Entry[] = [];
  for (const entry of entries) {
    const known = seen.get(entry.event.id);
    if (known === undefined) {
      seen.set(entry.event.id, entry);
      first.push(entry);
    } else if (known.event.fingerprint === entry.event.fingerprint) {
      again.push({ index: entry.index, firstIndex: known.index });
    } else {
      others.push(entry);
    }
  }
  return { first, again, others };
}

function outcomeOfRepetition(first: RecordedOutcome | undefined): RecordedOutcome | undefined {
  return first === 'recorded' ? 'duplicate' : first;
}

/**
 * Bisects on refused data alone, so that one event never holds up the others. Any other failure is no event's
 * fault, a mistake of our own included: it fails the batch, which its sender keeps, and nothing is parked.
 */
async function recordDistinct(
  ports: RecordPorts,
  of: EventsToRecord & {
    readonly entries: readonly Entry[];
    readonly outcomes: (RecordedOutcome | undefined)[];
  },
): Promise<void> {
  const { entries, outcomes } = of;
  try {
    const result = await retryLedger(ports, {
      ...of,
      attempt: (rules) =>
        ports.ledger.record({
          rulesVersion: rules.version,
          stripe: of.stripe,
          events: entries.map(({ event }) => attribute(rules, event)),
        }),
    });
    for (const [position, { index }] of entries.entries()) outcomes[index] = result.outcomes[position];
    await pushOrOwe(ports, result);
  } catch (error) {
    if (!(error instanceof LedgerRefusedData)) throw error;
    const [only] = entries;
    if (entries.length === 1 && only !== undefined) {
      ports.onRefused(error);
      outcomes[only.index] = 'refused_by_ledger';
      return;
    }
    const middle = entries.length >> 1;
    await recordDistinct(ports, { ...of, entries: entries.slice(0, middle) });
    await recordDistinct(ports, { ...of, entries: entries.slice(middle) });
  }
}

/**
 * Pushes the counters of periods still open to their copy; those of ended ones are pruned from it, and late events
 * must not bring them back. The ledger is committed, so nothing that happens here may fail the batch.
 */
export async function pushOrOwe(
  ports: Pick<RecordPorts, 'copy' | 'onPushOwed' | 'clock'>,
  committed: { readonly epoch: number; readonly counters: readonly CounterValue[] },
): Promise<void> {
  const nowMs = ports.clock.nowMs();
  const open = committed.counters.filter(
    ({ periodEnd }) => periodEnd === null || periodEnd.getTime() > nowMs,
  );
  if (open.length === 0) return;
  try {
    await ports.copy.put(committed.epoch, open);
  } catch (error) {
    ports.onPushOwed(error);
  }
}

function toRejection(
  reason: 'id_conflict' | 'refused_by_ledger',
  event: SpendEvent,
  origin: EventOrigin,
): Rejection {
  const detail =
    reason === 'id_conflict'
      ? 'id: already recorded with another start, cost or customer'
      : 'the ledger cannot store this event';
  return { eventId: event.id, reason, detail, ...origin };
}
