import type { BudgetCategory } from './budget.ts';
import type { CheckedSubject } from './checked-subject.ts';
import { formatUsd } from './money.ts';
import type { NanoUsd } from './money.ts';

export type BudgetState = 'ok' | 'soft_exceeded' | 'exceeded';

/** A subject with what it has spent in its open period. */
export interface SubjectSpend {
  readonly subject: CheckedSubject;
  readonly spentNanoUsd: NanoUsd;
}

/** What a check found for one subject. `remainingNanoUsd` is never negative; null is unlimited. */
export interface SubjectFinding extends SubjectSpend {
  readonly remainingNanoUsd: NanoUsd | null;
  readonly state: BudgetState;
}

export type Decision =
  | { readonly outcome: 'allow'; readonly findings: readonly SubjectFinding[] }
  | {
      readonly outcome: 'deny';
      readonly reason: 'budget_exceeded';
      readonly findings: readonly SubjectFinding[];
      /** The first finding that is exceeded. */
      readonly denied: SubjectFinding;
      readonly message: string;
    };

/**
 * Decides one call from what its subjects have spent. A spend equal to the maximum denies; a maximum of null
 * never does, one of 0 always. The first exceeded subject in the given order is the one that denies.
 */
export function decide(checked: readonly SubjectSpend[]): Decision {
  const findings = checked.map(toFinding);
  const denied = findings.find((finding) => finding.state === 'exceeded');
  if (denied === undefined) return { outcome: 'allow', findings };
  return { outcome: 'deny', reason: 'budget_exceeded', findings, denied, message: denialMessage(denied) };
}

export type FailMode = 'open' | 'closed';

/** What to answer when the counters are not known: a mode for all, and others for single categories. */
export interface FailPolicy {
  readonly mode: FailMode;
  readonly byCategory: Readonly<Partial<Record<BudgetCategory, FailMode>>>;
}

export type FailDecision =
  | { readonly outcome: 'allow' }
  | { readonly outcome: 'deny'; readonly reason: 'enforcement_unavailable'; readonly message: string };

/**
 * Decides a call whose spend is not known (Redis gone, empty or slow). The category is that of the identity
 * the call would be charged to; null (no customer, or rules not known) follows the mode for all.
 */
export function failDecision(policy: FailPolicy, category: BudgetCategory | null): FailDecision {
  const mode = (category === null ? undefined : policy.byCategory[category]) ?? policy.mode;
  if (mode === 'open') return { outcome: 'allow' };
  return {
    outcome: 'deny',
    reason: 'enforcement_unavailable',
    message: 'Budget enforcement unavailable: what has been spent is not known at the moment',
  };
}

function toFinding({ subject, spentNanoUsd }: SubjectSpend): SubjectFinding {
  const max = subject.budget?.maxNanoUsd ?? null;
  const soft = subject.budget?.softNanoUsd ?? null;
  return {
    subject,
    spentNanoUsd,
    remainingNanoUsd: max === null ? null : atLeastZero(max - spentNanoUsd),
    state: stateOf({ spentNanoUsd, soft, max }),
  };
}

function stateOf(of: { spentNanoUsd: NanoUsd; soft: NanoUsd | null; max: NanoUsd | null }): BudgetState {
  if (of.max !== null && of.spentNanoUsd >= of.max) return 'exceeded';
  if (of.soft !== null && of.spentNanoUsd >= of.soft) return 'soft_exceeded';
  return 'ok';
}

function denialMessage({ subject, spentNanoUsd }: SubjectFinding): string {
  const max = subject.budget?.maxNanoUsd ?? 0n;
  if (subject.role === 'global') return `Proxy budget exceeded. Max budget: $${formatUsdWithCents(max)}`;
  const text = `ExceededBudget: End User=${subject.subject.id} over budget. Spend=${formatUsd(spentNanoUsd)}, Budget=${formatUsd(max)}`;
  return withoutClosingBraces(text);
}

/** At least two decimals, more where the amount has them: rounding would show a limit that is not there. */
function formatUsdWithCents(nano: NanoUsd): string {
  const [whole = '0', fraction = ''] = formatUsd(nano).split('.');
  return `${whole}.${fraction.padEnd(2, '0')}`;
}

/** CodeMie finds the end of LiteLLM's error by two closing braces, so a message must not hold them. */
function withoutClosingBraces(text: string): string {
  return text.replace(/\}(?=\})/g, '} ');
}

function atLeastZero(nano: NanoUsd): NanoUsd {
  return nano < 0n ? 0n : nano;
}
