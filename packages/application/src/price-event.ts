import { chargesOfRecorded } from '@spendgate/domain';
import type { NanoUsd } from '@spendgate/domain';
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
 * identity that the ledger names, even if aliases or suffixes have changed since, because its call was
 * checked against that one. Repeating it with the same amount gives the same answer.
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
          charges: chargesOfRecorded(rules, { ...found, costNanoUsd: of.costNanoUsd }),
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
