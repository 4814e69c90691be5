// npm run migrate: brings the schema of the database at DATABASE_URL up to date, then publishes the budgets of the files
// as the jobs service does at its start, so that the other services have rules before it ever ran.
import { postgresUrl, readEnvironment } from '@spendgate/config';
import { publishFromEnvironment } from '@spendgate/jobs';
import { z } from 'zod';
import { prepareDatabase } from './prepare-database.ts';
import { printFailure, printStep } from './screen.ts';

try {
  const { DATABASE_URL: databaseUrl } = readEnvironment(
    z.object({ DATABASE_URL: postgresUrl() }),
    process.env,
  );
  await prepareDatabase({ databaseUrl, say: printStep });
  const { outcome, version } = await publishFromEnvironment(process.env);
  printStep(
    outcome === 'published'
      ? `Budgets: published as version ${version}`
      : `Budgets: unchanged, version ${version} stays`,
  );
} catch (error) {
  printFailure(`npm run migrate: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
