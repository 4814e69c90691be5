export type {
  Adjustment,
  AdjustmentResult,
  CounterValue,
  EventOutcome,
  Ledger,
  LedgerBatch,
  LedgerResult,
} from './ledger-port.ts';
export type { CounterKey, CounterSnapshot, CounterSource } from './counter-source-port.ts';
export type {
  BucketReading,
  BucketState,
  CopyHealth,
  CounterCopy,
  PassMark,
  SpendReader,
  SpendReading,
} from './counter-copy-port.ts';
export type { RulesCopy, RulesLedger, RulesText } from './rules-port.ts';
export type {
  Projection,
  RejectedEvent,
  RejectedEvents,
  RejectedState,
  Rejection,
  UnpricedEvent,
  UnpricedEvents,
} from './rejected-events-port.ts';
export type {
  ChargesOf,
  DetachObstacle,
  DetachResult,
  LedgerUpkeep,
  SumComparison,
  SumDifference,
} from './upkeep-port.ts';
export type { NewCustomerGate } from './new-customer-gate-port.ts';
export { STRIPE_COUNT, isStriped } from './stripes.ts';
export { createPurgeHorizon } from './purge-horizon.ts';
export type { PurgeHorizon } from './purge-horizon.ts';
export { rebuildCopy } from './rebuild-copy.ts';
export type { RebuildPorts, RebuildResult } from './rebuild-copy.ts';
export { sweepOnce } from './sweep-once.ts';
export type { SweepPorts, SweepResult } from './sweep-once.ts';
export { walkOnce } from './walk-once.ts';
export type { WalkResult } from './walk-once.ts';
export { checkRequest } from './check-request.ts';
export type {
  CheckFinding,
  CheckPolicy,
  CheckPorts,
  CheckResult,
  DegradedCause,
  Denial,
  DenialReason,
} from './check-request.ts';
export { createCheckRules } from './check-request-rules.ts';
export type { CheckRules } from './check-request-rules.ts';
export { boundedSpendReader } from './bounded-spend-reader.ts';
export { closePeriods } from './close-periods.ts';
export type { ClosePeriodsPorts, ClosePeriodsResult } from './close-periods.ts';
export { publishRules } from './publish-rules.ts';
export type { PublishRulesPorts, PublishRulesResult, RulesCodec } from './publish-rules.ts';
export { RulesNotPublished } from './rules-in-force.ts';
export type { RulesInForce } from './rules-in-force.ts';
export { keyHash, withoutSecretKey } from './key-hash.ts';
export { retryLedger } from './retry-ledger.ts';
export type { Clock } from './retry-ledger.ts';
export { pushOrOwe, recordEvents, settleEvents } from './record-events.ts';
export type {
  EventOrigin,
  EventsToRecord,
  RecordEventsPorts,
  RecordEventsResult,
  RecordPorts,
  RecordedOutcome,
} from './record-events.ts';
export { priceEvent } from './price-event.ts';
export type { PriceEventPorts, PriceEventResult } from './price-event.ts';
export { replayRejected } from './replay-rejected.ts';
export type { ProjectionReading, ReplayPorts, ReplayResult } from './replay-rejected.ts';
