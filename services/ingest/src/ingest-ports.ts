import type {
  Clock,
  CounterCopy,
  Ledger,
  RejectedEvents,
  RulesLedger,
  UnpricedEvents,
} from '@spendgate/application';
import type { EventStream } from './event-stream.ts';

/** Everything outside the process that ingest touches. Each can be wrapped by whoever composes it. */
export interface IngestPorts {
  readonly ledger: Ledger;
  readonly rules: Pick<RulesLedger, 'find'>;
  readonly rejected: RejectedEvents;
  readonly unpriced: UnpricedEvents;
  readonly copy: Pick<CounterCopy, 'put'>;
  /** Null without Kafka. */
  readonly stream: EventStream | null;
  readonly clock: Clock;
  readonly health: {
    /** @throws LedgerUnavailable, SchemaOutdated */
    readonly ledger: () => Promise<void>;
    /** @throws SpendStoreUnavailable; another error when Redis would evict counters */
    readonly redis: () => Promise<void>;
  };
}
