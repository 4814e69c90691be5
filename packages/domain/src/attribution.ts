import { chargesOfRecorded } from './call-charges.ts';
import { findCallIdentity } from './call-identity.ts';
import type { PublishedRules } from './rules.ts';
import type { AttributedEvent, SpendEvent } from './spend-event.ts';

/**
 * Says whom an event is charged to, in the periods its call began in: the customer's identity, the whole proxy, and
 * the key, the key's use of the model, the team and the internal user where the event names them. The last four
 * have no scheme of their own yet and count in the period that never ends. An event that costs nothing has no
 * charges, one without a customer charges the others. Safe to repeat: it depends on nothing but its arguments.
 * @throws as `periodInForce`.
 */
export function attribute(rules: PublishedRules, event: SpendEvent): AttributedEvent {
  const found = findCallIdentity(rules, {
    endUser: event.endUser,
    modelNames: [event.modelGroup, event.model],
    channel: null,
    userAgent: event.userAgent,
  });
  const identity = found?.identity ?? null;
  const category = found?.category ?? null;
  const { startedAt, costNanoUsd, keyHash, teamId, userId, modelGroup, model } = event;
  return {
    event,
    base: found?.base ?? null,
    identity,
    category,
    charges: chargesOfRecorded(rules, {
      startedAt,
      costNanoUsd,
      keyHash,
      teamId,
      userId,
      modelGroup,
      model,
      identity,
      category,
    }),
  };
}
