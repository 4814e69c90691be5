import type { BenchOptions } from './options.ts';
import type { BenchServers } from './bench-servers.ts';

/** What every section of the bench is given. */
export interface BenchContext {
  readonly servers: BenchServers;
  readonly options: BenchOptions;
  /** One instant for the whole run: rules, partitions and events agree on it. */
  readonly now: Date;
  readonly say: (line: string) => void;
}

export const INGEST_TOKEN = 'bench-ingest-token-0123456789abcdef';
export const CHECK_TOKEN = 'bench-check-token-0123456789abcdef';
