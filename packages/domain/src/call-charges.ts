import { BUDGET_CATEGORIES } from './budget.ts';
import type { BudgetCategory } from './budget.ts';
import { identityPeriod } from './call-identity.ts';
import { isProjectCustomer } from './identity.ts';
import { NO_PERIOD, periodId } from './period.ts';
import type { Period } from './period.ts';
import { publicModelName } from './premium.ts';
import type { PublishedRules } from './rules.ts';
import { periodInForce } from './scheme-history.ts';
import type { Charge, SpendEvent } from './spend-event.ts';
import { GLOBAL_SUBJECT, keyModelSubject, subjectKey } from './subject.ts';
import type { Subject } from './subject.ts';

/** What of a recorded call decides its charges: a ledger row, or the answer of `attribute` about to become one. */
export interface RecordedCall extends Pick<
  SpendEvent,
  'startedAt' | 'costNanoUsd' | 'keyHash' | 'teamId' | 'userId' | 'modelGroup' | 'model'
> {
  /** Whom the call was charged to; null when it named no customer. */
  readonly identity: string | null;
  /** As the ledger holds it; one that is not known (any more) counts as platform. */
  readonly category: string | null;
}

/**
 * The charges of a call whose identity is known: that identity, the whole proxy, and the key, the key's use of the
 * model, the team and the internal user where the call names them, each in the period the call began in. For a ledger
 * row these are the charges it was counted with, whatever aliases, suffixes and budgets have become since: identity
 * and category are the row's, and the history of schemes remembers its periods. A call that costs nothing has none.
 * @throws as `periodInForce`.
 */
export function chargesOfRecorded(rules: PublishedRules, call: RecordedCall): readonly Charge[] {
  if (call.costNanoUsd === 0n) return [];
  const at = call.startedAt;
  const charges = [chargeOf(GLOBAL_SUBJECT, periodInForce(rules.schemes.global, at))];
  if (call.identity !== null) charges.unshift(customerCharge(rules, { ...call, identity: call.identity }));
  // The others have no scheme of their own yet.
  for (const subject of otherSubjects(call)) charges.push(chargeOf(subject, NO_PERIOD));
  return charges;
}

function customerCharge(rules: PublishedRules, call: RecordedCall & { readonly identity: string }): Charge {
  const period = identityPeriod(rules, {
    category: categoryOf(call.category),
    isProjectCustomer: isProjectCustomer(call.identity),
    at: call.startedAt,
  });
  return chargeOf({ kind: 'customer', id: call.identity }, period);
}

function categoryOf(name: string | null): BudgetCategory {
  return BUDGET_CATEGORIES.find((category) => category === name) ?? 'platform';
}

function otherSubjects(call: RecordedCall): readonly Subject[] {
  const { keyHash, teamId, userId } = call;
  const model = publicModelName([call.modelGroup, call.model]);
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
