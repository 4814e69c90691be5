import type { Budget, BudgetCategory } from './budget.ts';
import { findCallIdentity, identityPeriod } from './call-identity.ts';
import type { Channel, FoundIdentity } from './identity.ts';
import { periodId } from './period.ts';
import type { Period } from './period.ts';
import type { PublishedRules } from './rules.ts';
import { periodInForce } from './scheme-history.ts';
import { GLOBAL_SUBJECT, subjectKey } from './subject.ts';
import type { Subject, SubjectKey } from './subject.ts';

/** Why a subject is checked. Denials come in this order. */
export type CheckRole = 'customer' | 'premium' | 'global';

/** A subject that a call is checked against, with the budget and the period that hold for it. */
export interface CheckedSubject {
  readonly subject: Subject;
  readonly key: SubjectKey;
  readonly role: CheckRole;
  /** The identity's category; null for subjects that are no customers. */
  readonly category: BudgetCategory | null;
  /** Null has no limit; its spend is counted all the same. */
  readonly budget: Budget | null;
  readonly period: Period;
  readonly periodId: string;
}

/** The call that someone asks about, before it is made. */
export interface CheckedCall {
  readonly endUser?: string | null | undefined;
  /** The public model name that the caller asks for. */
  readonly model?: string | null | undefined;
  readonly channel?: Channel | null | undefined;
  readonly userAgent?: string | null | undefined;
  readonly key?: string | null | undefined;
  readonly team?: string | null | undefined;
  readonly user?: string | null | undefined;
}

/**
 * The subjects that a call is checked against at an instant, in the order in which they deny: the customer (the base
 * identity, or the cli one for a cli call), the premium identity of a premium call beside its base, the whole proxy
 * if it has a budget. Empty for a call without a customer on a proxy without a budget. The identity that the call's
 * event will charge is always among them.
 * @throws as `periodInForce`.
 */
export function subjectsToCheck(
  rules: PublishedRules,
  call: CheckedCall,
  at: Date,
): readonly CheckedSubject[] {
  const found = findCallIdentity(rules, {
    endUser: call.endUser,
    modelNames: [call.model],
    channel: call.channel,
    userAgent: call.userAgent,
  });
  const customers = found === undefined ? [] : customersToCheck(rules, found, at);
  if (rules.globalBudget === null) return customers;
  const period = periodInForce(rules.schemes.global, at);
  const budget = rules.globalBudget;
  return [...customers, checked({ subject: GLOBAL_SUBJECT, role: 'global', category: null, budget, period })];
}

function customersToCheck(rules: PublishedRules, found: FoundIdentity, at: Date): readonly CheckedSubject[] {
  const { base, identity, category, budgetId, isProjectCustomer } = found;
  const toChecked = (of: CustomerToCheck): CheckedSubject =>
    checked({
      subject: { kind: 'customer', id: of.id },
      role: of.role,
      category: of.category,
      budget: findBudget(rules, of.budgetId),
      period: identityPeriod(rules, { category: of.category, isProjectCustomer, at }),
    });
  if (category !== 'premium_models' || isProjectCustomer) {
    return [toChecked({ id: identity, role: 'customer', category, budgetId })];
  }
  const basePlatform = { category: 'platform', budgetId: rules.defaultBudgetIds.platform } as const;
  return [
    toChecked({ id: base, role: 'customer', ...basePlatform }),
    toChecked({ id: identity, role: 'premium', category, budgetId }),
  ];
}

interface CustomerToCheck {
  readonly id: string;
  readonly role: CheckRole;
  readonly category: BudgetCategory;
  readonly budgetId: string | null;
}

function findBudget(rules: PublishedRules, budgetId: string | null): Budget | null {
  return rules.catalogue.budgets.find((budget) => budget.budgetId === budgetId) ?? null;
}

function checked(of: Omit<CheckedSubject, 'key' | 'periodId'>): CheckedSubject {
  return { ...of, key: subjectKey(of.subject), periodId: periodId(of.period) };
}
