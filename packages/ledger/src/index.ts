export { connectLedger } from './connect-ledger.ts';
export type { LedgerConnection, LedgerSettings } from './connect-ledger.ts';
export { migrate } from './migrate.ts';
export type { MigrateSettings, Migrated } from './migrate.ts';
