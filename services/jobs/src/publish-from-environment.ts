import { publishRules } from '@spendgate/application';
import type { PublishRulesResult } from '@spendgate/application';
import { decodeRules, encodeRules } from '@spendgate/config';
import { connectLedger } from '@spendgate/ledger';
import { parseRulesConfig } from './config.ts';
import { loadRulesSettings } from './rules-files.ts';

const STATEMENT_TIMEOUT_MS = 60_000;

export type PublishedOrKept = PublishRulesResult | { readonly outcome: 'kept'; readonly version: number };

/**
 * Publishes the rules once, as the service does at its start, in the database only: for a migration that
 * runs without the jobs service. Reads DATABASE_URL and the variables that make the rules. Where
 * LLM_PROXY_BUDGET_SYNC_ENABLED is not set and rules are published, these are `kept`: an environment that says
 * nothing of budgets must not switch off those in force.
 * @throws InvalidConfigFiles, InvalidEnvironment, LedgerUnavailable, SchemaOutdated
 */
export async function publishFromEnvironment(env: NodeJS.ProcessEnv): Promise<PublishedOrKept> {
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
    const published = await ledger.rules.find();
    if ((env['LLM_PROXY_BUDGET_SYNC_ENABLED'] ?? '').trim() === '' && published !== undefined) {
      return { outcome: 'kept', version: published.version };
    }
    const codec = { encode: encodeRules, decode: decodeRules };
    const ports = { rules: ledger.rules, codec, redis: null };
    return await publishRules(ports, { settings, fileBudgets: settings.catalogue.budgets, now: new Date() });
  } finally {
    await ledger.close();
  }
}
