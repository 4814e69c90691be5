import { migrate } from '@spendgate/ledger';

/** Applies the migrations that the database lacks, and says which. Safe to repeat. */
export async function prepareDatabase(of: {
  readonly databaseUrl: string;
  readonly say: (line: string) => void;
}): Promise<void> {
  const { applied } = await migrate({ databaseUrl: of.databaseUrl });
  of.say(
    applied.length === 0
      ? 'Database: the schema is up to date'
      : `Database: applied ${applied.length} ${applied.length === 1 ? 'migration' : 'migrations'} (${applied.at(-1)})`,
  );
}
