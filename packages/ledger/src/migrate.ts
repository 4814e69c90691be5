import { invariant } from '@spendgate/domain';

export interface MigrateSettings {
  readonly databaseUrl: string;
  readonly log?: (line: string) => void;
}

export interface Migrated {
  /** Names of the migrations this run applied, in order; empty when the schema was current. */
  readonly applied: readonly string[];
}

/** Brings the schema up to date. */
export async function migrate(settings: MigrateSettings): Promise<Migrated> {
  invariant(settings.databaseUrl === '', 'not built yet');
  return Promise.resolve({ applied: [] });
}
