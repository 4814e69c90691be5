// npm run migrate: brings the schema of the database at DATABASE_URL up to date, then publishes the budgets of the files
// as the jobs service does at its start, so that the other services have rules before it ever ran.
import { postgresUrl, readEnvironment } from '@spendgate/config';
import { publishFromEnvironment } from '@spendgate/jobs';
import { z } from 'zod';
import { prepareDatabase } from './prepare-database.ts';
import { printFailure, printStep } from './screen.ts';

const OUTCOMES = {
  published: 'published',
  unchanged: 'unchanged',
  kept: 'those in force stay, since LLM_PROXY_BUDGET_SYNC_ENABLED is not set here; set it to publish the files',
} as const;

try {
  const { DATABASE_URL: databaseUrl } = readEnvironment(
    z.object({ DATABASE_URL: postgresUrl() }),
    process.env,
  );
  await prepareDatabase({ databaseUrl, say: printStep });
  const { outcome, version } = await publishFromEnvironment(process.env);
  printStep(`Budgets: ${OUTCOMES[outcome]} (version ${version})`);
} catch (error) {
  printFailure(`npm run migrate: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
