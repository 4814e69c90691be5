import type {
  CounterSource,
  Ledger,
  LedgerUpkeep,
  RejectedEvents,
  RulesLedger,
  UnpricedEvents,
} from '@spendgate/application';
import { InvariantBroken } from '@spendgate/domain';

export interface LedgerSettings {
  readonly databaseUrl: string;
  /** As it stands in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly maxConnections: number;
  readonly statementTimeoutMs: number;
}

/** The ports on one PostgreSQL database, over one pool of connections. */
export interface LedgerConnection {
  readonly ledger: Ledger;
  readonly counterSource: CounterSource;
  readonly rules: RulesLedger;
  readonly rejected: RejectedEvents;
  readonly unpriced: UnpricedEvents;
  readonly upkeep: LedgerUpkeep;
  /** @throws LedgerUnavailable */
  ping(): Promise<void>;
  /** The number of the newest migration applied; 0 for an empty database. */
  schemaVersion(): Promise<number>;
  /** @throws SchemaOutdated when this build needs a newer schema. @throws LedgerUnavailable */
  assertSchemaCurrent(): Promise<void>;
  /** Waits for running calls, then closes the pool. */
  close(): Promise<void>;
}

/** Opens the pool and tries one connection. @throws LedgerUnavailable when the server cannot be reached. */
export async function connectLedger(settings: LedgerSettings): Promise<LedgerConnection> {
  return Promise.reject(new InvariantBroken(`not built yet: ${settings.applicationName}`));
}
