import {
  BUDGET_CATEGORIES,
  attribute,
  findSubject,
  periodId,
  periodInForce,
  subjectKey,
} from '@spendgate/domain';
import type { BudgetCategory, Charge, NanoUsd, PublishedRules, SpendEvent } from '@spendgate/domain';
import type { Ledger } from './ledger-port.ts';
import { pushOrOwe } from './record-events.ts';
import type { RecordPorts } from './record-events.ts';
import type { UnpricedEvent, UnpricedEvents } from './rejected-events-port.ts';
import { retryLedger } from './retry-ledger.ts';

export interface PriceEventPorts extends Omit<RecordPorts, 'ledger'> {
  readonly ledger: Pick<Ledger, 'adjust'>;
  readonly unpriced: Pick<UnpricedEvents, 'find'>;
}

export type PriceEventResult =
  | { readonly outcome: 'priced'; readonly event: UnpricedEvent; readonly costNanoUsd: NanoUsd }
  | { readonly outcome: 'priced_otherwise'; readonly pricedNanoUsd: NanoUsd }
  | { readonly outcome: 'not_found' };

/**
 * Gives an unpriced event its cost: one adjustment in the period the call began in, charged to the
 * identity that the ledger names. Repeating it with the same amount gives the same answer.
 * @throws LedgerUnavailable, StaleRules, RulesNotPublished - retryable.
 */
export async function priceEvent(
  ports: PriceEventPorts,
  of: {
    readonly eventId: string;
    readonly costNanoUsd: NanoUsd;
    readonly actor: string;
    readonly note: string | null;
    readonly deadlineAtMs: number;
  },
): Promise<PriceEventResult> {
  const found = await retryLedger(ports, { ...of, attempt: () => ports.unpriced.find(of.eventId) });
  if (found === undefined) return { outcome: 'not_found' };
  if (found.pricedNanoUsd !== null) return toResult(found, { ...of, pricedNanoUsd: found.pricedNanoUsd });
  const adjusted = await retryLedger(ports, {
    ...of,
    attempt: (rules) =>
      ports.ledger.adjust({
        rulesVersion: rules.version,
        adjustment: {
          id: `pricing:${found.id}`,
          kind: 'pricing',
          eventId: found.id,
          amountNanoUsd: of.costNanoUsd,
          effectiveAt: found.startedAt,
          charges: chargesOf(rules, found, of.costNanoUsd),
          actor: of.actor,
          note: of.note,
        },
      }),
  });
  await pushOrOwe(ports, adjusted);
  if (adjusted.outcome === 'recorded') return toResult(found, { ...of, pricedNanoUsd: of.costNanoUsd });
  // Someone priced it between our look and our write: what stands in the ledger is the answer.
  const again = await retryLedger(ports, { ...of, attempt: () => ports.unpriced.find(of.eventId) });
  return toResult(found, { ...of, pricedNanoUsd: again?.pricedNanoUsd ?? of.costNanoUsd });
}

function toResult(
  event: UnpricedEvent,
  of: { readonly costNanoUsd: NanoUsd; readonly pricedNanoUsd: NanoUsd },
): PriceEventResult {
  return of.pricedNanoUsd === of.costNanoUsd
    ? { outcome: 'priced', event: { ...event, pricedNanoUsd: of.costNanoUsd }, costNanoUsd: of.costNanoUsd }
    : { outcome: 'priced_otherwise', pricedNanoUsd: of.pricedNanoUsd };
}

/**
 * The charges that the event would have had. Its identity stays the one that the ledger names, even if
 * aliases or suffixes have changed since, because its call was checked against that one.
 */
function chargesOf(rules: PublishedRules, event: UnpricedEvent, costNanoUsd: NanoUsd): readonly Charge[] {
  const attributed = attribute(rules, pricedEvent(event, costNanoUsd));
  const { identity } = event;
  if (attributed.identity === identity || identity === null || costNanoUsd === 0n) return attributed.charges;
  const others = attributed.charges.filter(({ subject }) => findSubject(subject)?.kind !== 'customer');
  return [customerCharge(rules, { ...event, identity }), ...others];
}

function customerCharge(rules: PublishedRules, event: UnpricedEvent & { readonly identity: string }): Charge {
  const period = periodInForce(rules.schemes[categoryOf(event)], event.startedAt);
  return {
    subject: subjectKey({ kind: 'customer', id: event.identity }),
    period: periodId(period),
    periodEnd: period.end,
  };
}

function categoryOf(event: UnpricedEvent): BudgetCategory {
  return BUDGET_CATEGORIES.find((category) => category === event.category) ?? 'platform';
}

function pricedEvent(event: UnpricedEvent, costNanoUsd: NanoUsd): SpendEvent {
  return {
    ...event,
    endUser: event.identity,
    costNanoUsd,
    unpriced: false,
    callId: null,
    endedAt: null,
    clockAhead: false,
    status: 'success',
    cacheHit: false,
    keyAlias: null,
    organisationId: null,
    userAgent: null,
    requestTags: [],
    metadata: {},
    fingerprint: 0n,
  };
}
