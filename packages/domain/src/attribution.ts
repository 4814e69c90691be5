import { findCallIdentity, identityPeriod } from './call-identity.ts';
import { NO_PERIOD, periodId } from './period.ts';
import type { Period } from './period.ts';
import { publicModelName } from './premium.ts';
import type { PublishedRules } from './rules.ts';
import { periodInForce } from './scheme-history.ts';
import type { AttributedEvent, Charge, SpendEvent } from './spend-event.ts';
import { GLOBAL_SUBJECT, keyModelSubject, subjectKey } from './subject.ts';
import type { Subject } from './subject.ts';

/**
 * Says whom an event is charged to, in the periods its call began in: the customer's identity, the whole proxy, and
 * the key, the key's use of the model, the team and the internal user where the event names them. The last four
 * have no scheme of their own yet and count in the period that never ends. An event that costs nothing has no
 * charges, one without a customer charges the others. Safe to repeat: it depends on nothing but its arguments.
 * @throws as `periodInForce`.
 */
export function attribute(rules: PublishedRules, event: SpendEvent): AttributedEvent {
  const modelNames = [event.modelGroup, event.model];
  const found = findCallIdentity(rules, {
    endUser: event.endUser,
    modelNames,
    channel: null,
    userAgent: event.userAgent,
  });
  const who = {
    base: found?.base ?? null,
    identity: found?.identity ?? null,
    category: found?.category ?? null,
  };
  if (event.costNanoUsd === 0n) return { event, ...who, charges: [] };
  const at = event.startedAt;
  const charges = [
    ...(found === undefined
      ? []
      : [chargeOf({ kind: 'customer', id: found.identity }, identityPeriod(rules, { ...found, at }))]),
    chargeOf(GLOBAL_SUBJECT, periodInForce(rules.schemes.global, at)),
    ...otherSubjects(event, publicModelName(modelNames)).map((subject) => chargeOf(subject, NO_PERIOD)),
  ];
  return { event, ...who, charges };
}

function otherSubjects(event: SpendEvent, model: string | null): readonly Subject[] {
  const { keyHash, teamId, userId } = event;
  const subjects: Subject[] = [];
  if (isNamed(keyHash)) subjects.push({ kind: 'key', id: keyHash });
  if (isNamed(keyHash) && model !== null) subjects.push(keyModelSubject({ key: keyHash, model }));
  if (isNamed(teamId)) subjects.push({ kind: 'team', id: teamId });
  if (isNamed(userId)) subjects.push({ kind: 'user', id: userId });
  return subjects;
}

function isNamed(id: string | null): id is string {
  return id !== null && id.trim() !== '';
}

function chargeOf(subject: Subject, period: Period): Charge {
  return { subject: subjectKey(subject), period: periodId(period), periodEnd: period.end };
}
