import type { RulesLedger, RulesText } from '@spendgate/application';
import type { Budget } from '@spendgate/domain';
import { z } from 'zod';
import { textArray } from './array-parameter.ts';
import type { Session, SessionPool } from './session-pool.ts';

/** Versions kept, so that what was in force can be looked up; older ones go with each publication. */
const VERSIONS_KEPT = 100;

const rulesRow = z.object({ version: z.string(), rules: z.string() });
const versionRow = z.object({ version: z.string() });
const anyRow = z.object({});

/** The published rules on PostgreSQL, which gives out the versions. */
export function createRulesLedger(sessions: SessionPool): RulesLedger {
  return {
    async find() {
      const [row] = await sessions.rows(rulesRow, {
        name: 'find_rules',
        text: 'SELECT version, rules FROM spendgate.published_rules ORDER BY version DESC LIMIT 1',
      });
      return row === undefined ? undefined : { version: Number(row.version), text: row.rules };
    },
    publish: (of) => sessions.transaction((session) => publish(session, of)),
  };
}

async function publish(
  session: Session,
  of: Parameters<RulesLedger['publish']>[0],
): Promise<RulesText | undefined> {
  // A statement of its own: what is read after it is read while no batch is being counted.
  await session.rows(anyRow, { text: 'SELECT pg_advisory_xact_lock(1397770068, 1)' });
  const current = await session.row(versionRow, {
    text: 'SELECT coalesce(max(version), 0)::text AS version FROM spendgate.published_rules',
  });
  if (Number(current.version) !== of.expected) return undefined;
  const version = of.expected + 1;
  const rules: RulesText = { version, text: of.toText(version) };
  await session.run({
    text: 'INSERT INTO spendgate.published_rules (version, rules) VALUES ($1, $2)',
    values: [version, rules.text],
  });
  await session.run({
    text: 'DELETE FROM spendgate.published_rules WHERE version <= $1',
    values: [version - VERSIONS_KEPT],
  });
  if (of.fileBudgets !== undefined) await storeFileBudgets(session, of.fileBudgets);
  return rules;
}

/** The file replaces what it defined before. A budget that is still assigned to someone stays. */
async function storeFileBudgets(session: Session, budgets: readonly Budget[]): Promise<void> {
  for (const budget of budgets) await session.run({ text: STORE_BUDGET, values: budgetValues(budget) });
  await session.run({
    text: `DELETE FROM spendgate.budgets b WHERE b.origin = 'file' AND b.budget_id <> ALL ($1::text[])
      AND NOT EXISTS (SELECT FROM spendgate.budget_assignments a WHERE a.budget_id = b.budget_id)`,
    values: [textArray(budgets.map((budget) => budget.budgetId))],
  });
}

const STORE_BUDGET = `INSERT INTO spendgate.budgets (origin, budget_id, name, description, category, soft_nano_usd,
    max_nano_usd, duration, tpm_limit, rpm_limit, max_parallel_requests)
  VALUES ('file', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  ON CONFLICT (budget_id) DO UPDATE SET origin = excluded.origin, name = excluded.name,
    description = excluded.description, category = excluded.category, soft_nano_usd = excluded.soft_nano_usd,
    max_nano_usd = excluded.max_nano_usd, duration = excluded.duration, tpm_limit = excluded.tpm_limit,
    rpm_limit = excluded.rpm_limit, max_parallel_requests = excluded.max_parallel_requests, changed_at = now()`;

function budgetValues(budget: Budget): readonly (string | number | null)[] {
  return [
    budget.budgetId,
    budget.name,
    budget.description,
    budget.category,
    budget.softNanoUsd?.toString() ?? null,
    budget.maxNanoUsd?.toString() ?? null,
    budget.duration,
    budget.tpmLimit,
    budget.rpmLimit,
    budget.maxParallelRequests,
  ];
}
