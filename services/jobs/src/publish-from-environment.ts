import { publishRules } from '@spendgate/application';
import type { PublishRulesResult } from '@spendgate/application';
import { decodeRules, encodeRules } from '@spendgate/config';
import { connectLedger } from '@spendgate/ledger';
import { parseRulesConfig } from './config.ts';
import { loadRulesSettings } from './rules-files.ts';

const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Publishes the rules once, as the service does at its start, in the database only: for a migration that
 * runs without the jobs service. Reads DATABASE_URL and the variables that make the rules.
 * @throws InvalidConfigFiles, InvalidEnvironment, LedgerUnavailable, SchemaOutdated
 */
export async function publishFromEnvironment(env: NodeJS.ProcessEnv): Promise<PublishRulesResult> {
  const config = parseRulesConfig(env);
  const settings = await loadRulesSettings(config.rulesSources);
  const ledger = await connectLedger({
    databaseUrl: config.databaseUrl,
    applicationName: 'spendgate-publish',
    maxConnections: 1,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  try {
    await ledger.assertSchemaCurrent();
    const codec = { encode: encodeRules, decode: decodeRules };
    const ports = { rules: ledger.rules, codec, redis: null };
    return await publishRules(ports, { settings, fileBudgets: settings.catalogue.budgets, now: new Date() });
  } finally {
    await ledger.close();
  }
}
