export type { NanoUsd } from './money.ts';
export { GLOBAL_SUBJECT, SUBJECT_KINDS, findSubject, keyModelSubject, subjectKey } from './subject.ts';
export type { Subject, SubjectKey, SubjectKind } from './subject.ts';
export { BUDGET_CATEGORIES } from './budget.ts';
export type { Budget, BudgetCategory, Catalogue } from './budget.ts';
export type { Period, PeriodScheme } from './period.ts';
export type {
  AttributionSettings,
  IdentitySuffix,
  PublishedRules,
  RuleSlot,
  SchemeInForce,
} from './rules.ts';
export type { AttributedEvent, Charge, SpendEvent } from './spend-event.ts';
export {
  BudgetError,
  EventStreamUnavailable,
  InvalidAmount,
  InvalidDuration,
  InvalidResetTime,
  InvalidTimeZone,
  InvariantBroken,
  LedgerRefusedData,
  LedgerUnavailable,
  Overloaded,
  SchemaOutdated,
  SpendStoreUnavailable,
  StaleRules,
  invariant,
} from './errors.ts';
