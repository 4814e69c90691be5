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
  BucketState,
  BuildMark,
  CopyHealth,
  CounterCopy,
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
export type { LedgerUpkeep } from './upkeep-port.ts';
export type { NewCustomerGate } from './new-customer-gate-port.ts';
