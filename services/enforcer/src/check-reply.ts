import type { CheckFinding, CheckResult, Denial } from '@spendgate/application';
import { nanoToUsd } from '@spendgate/domain';
import type { NanoUsd } from '@spendgate/domain';
import type { CheckReply, CheckReplyBudget, CheckReplyError } from './check-schema.ts';

export function toReply(result: CheckResult): CheckReply {
  return {
    allowed: result.denial === null,
    enforced: result.enforced,
    degraded: result.degradedBy !== null,
    reason: result.denial?.reason ?? null,
    identity: result.identity,
    category: result.category,
    budgets: result.findings.map(toBudget),
    error: result.denial === null ? null : toError(result.denial),
  };
}

function toBudget({ subject, spentNanoUsd, remainingNanoUsd, state }: CheckFinding): CheckReplyBudget {
  const { budget, period } = subject;
  return {
    subject: subject.subject,
    budget_id: budget?.budgetId ?? null,
    spent_usd: toUsd(spentNanoUsd),
    held_usd: 0,
    max_budget: toUsd(budget?.maxNanoUsd ?? null),
    soft_budget: toUsd(budget?.softNanoUsd ?? null),
    remaining_usd: toUsd(remainingNanoUsd),
    period_start: period.start?.toISOString() ?? null,
    resets_at: period.end?.toISOString() ?? null,
    state,
  };
}

/**
 * LiteLLM's error object. CodeMie's pattern wants exactly these four keys and a code of digits; 400 is
 * what its SDK does not repeat (LiteLLM 1.83: `budget_exceeded`).
 */
function toError(denial: Denial): CheckReplyError {
  const code = denial.reason === 'enforcement_unavailable' ? '503' : '400';
  return { message: denial.message, type: denial.reason, param: null, code };
}

function toUsd(nano: NanoUsd | null): number | null {
  return nano === null ? null : nanoToUsd(nano);
}
