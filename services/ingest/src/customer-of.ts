import { resolveIdentity } from '@spendgate/domain';
import type { PublishedRules, SpendEvent } from '@spendgate/domain';

/**
 * The base customer of an event; null when it names none. All identities of a customer share it, so it
 * is what events are routed by: one customer's counters are then written by one writer at a time.
 */
export function customerOf(rules: PublishedRules, event: Pick<SpendEvent, 'endUser'>): string | null {
  if (event.endUser === null) return null;
  const { catalogue, attribution } = rules;
  const resolved = resolveIdentity({
    endUser: event.endUser,
    modelNames: [],
    catalogue,
    premiumAliases: [],
    identitySuffix: attribution.identitySuffix,
  });
  return resolved?.base ?? event.endUser;
}
