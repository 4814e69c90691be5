import type { Budget, BudgetCategory } from './budget.ts';
import { InvariantBroken } from './errors.ts';
import type { Channel } from './identity.ts';
import type { Period } from './period.ts';
import type { PublishedRules } from './rules.ts';
import type { Subject, SubjectKey } from './subject.ts';

/** Why a subject is checked. Denials come in this order. */
export type CheckRole = 'customer' | 'premium' | 'global';

/** A subject that a call is checked against, with the budget and the period that hold for it. */
export interface CheckedSubject {
  readonly subject: Subject;
  readonly key: SubjectKey;
  readonly role: CheckRole;
  readonly category: BudgetCategory | null;
  readonly budget: Budget | null;
  readonly period: Period;
  readonly periodId: string;
}

/** The call that someone asks about, before it is made. */
export interface CheckedCall {
  readonly endUser?: string | null | undefined;
  readonly model?: string | null | undefined;
  readonly channel?: Channel | null | undefined;
  readonly userAgent?: string | null | undefined;
  readonly key?: string | null | undefined;
  readonly team?: string | null | undefined;
  readonly user?: string | null | undefined;
}

export function subjectsToCheck(
  rules: PublishedRules,
  call: CheckedCall,
  at: Date,
): readonly CheckedSubject[] {
  throw new InvariantBroken(`not built yet: ${rules.version} ${String(call.endUser)} ${at.getTime()}`);
}
