export { formatUsd, nanoToUsd, usdToNano } from './money.ts';
export type { NanoUsd } from './money.ts';
export { GLOBAL_SUBJECT, SUBJECT_KINDS, keyModelSubject, subjectKey } from './subject.ts';
export type { Subject, SubjectKey, SubjectKind } from './subject.ts';
export { BUDGET_CATEGORIES } from './budget.ts';
export type { Budget, BudgetCategory, Catalogue } from './budget.ts';
export { NO_PERIOD, NO_PERIOD_ID, isCalendarLength, parseResetTime, periodAt, periodId } from './period.ts';
export type { Period, PeriodScheme } from './period.ts';
export { parseDuration } from './duration.ts';
export type { Duration, DurationUnit } from './duration.ts';
export { parseTimeZone } from './time-zone.ts';
export { nextSchemes, periodInForce } from './scheme-history.ts';
export { differingSettings } from './own-settings.ts';
export type { OwnSettings } from './own-settings.ts';
export { buildRules, sameRules } from './build-rules.ts';
export type { RulesSettings, UnpublishedRules } from './build-rules.ts';
export type {
  AttributionSettings,
  IdentitySuffix,
  PublishedRules,
  RuleSlot,
  SchemeInForce,
} from './rules.ts';
export type { AttributedEvent, Charge, SpendEvent } from './spend-event.ts';
export { cleanCustomer } from './customer.ts';
export { isPremiumModel, publicModelName } from './premium.ts';
export { defaultBudgetIds, resolveIdentity } from './identity.ts';
export type { Channel, DefaultBudgetIds, ResolvedIdentity } from './identity.ts';
export { chargesOfRecorded } from './call-charges.ts';
export type { RecordedCall } from './call-charges.ts';
export { attribute } from './attribution.ts';
export { subjectsToCheck } from './checked-subject.ts';
export type { CheckRole, CheckedCall, CheckedSubject } from './checked-subject.ts';
export { decide, failDecision } from './decision.ts';
export type {
  BudgetState,
  Decision,
  FailDecision,
  FailMode,
  FailPolicy,
  SubjectFinding,
  SubjectSpend,
} from './decision.ts';
export {
  BudgetError,
  EventStreamUnavailable,
  InvalidAmount,
  InvalidDuration,
  InvalidResetTime,
  InvalidRules,
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
