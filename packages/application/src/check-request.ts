import {
  Overloaded,
  SpendStoreUnavailable,
  cleanCustomer,
  decide,
  failDecision,
  subjectsToCheck,
} from '@spendgate/domain';
import type {
  BudgetCategory,
  BudgetState,
  CheckedCall,
  CheckedSubject,
  FailPolicy,
  NanoUsd,
  PublishedRules,
} from '@spendgate/domain';
import type { CheckRules } from './check-request-rules.ts';
import type { SpendReader } from './counter-copy-port.ts';
import type { NewCustomerGate } from './new-customer-gate-port.ts';

export interface CheckPolicy {
  /** False: every answer allows, says that nothing is enforced, and still shows the spend. */
  readonly enforced: boolean;
  readonly timeoutMs: number;
  readonly fail: FailPolicy;
  readonly missingEndUser: 'allow' | 'deny';
  /** 0 sets no bound. */
  readonly maxNewCustomersPerKeyPerHour: number;
}

export interface CheckPorts {
  readonly rules: CheckRules;
  readonly spend: SpendReader;
  readonly newCustomers: NewCustomerGate;
  readonly policy: CheckPolicy;
  readonly now: () => Date;
}

export type DenialReason =
  'budget_exceeded' | 'enforcement_unavailable' | 'missing_end_user' | 'new_customer_limit';

export interface Denial {
  readonly reason: DenialReason;
  readonly message: string;
}

/**
 * Why the counters could not be relied on: the store did not answer in time, too many checks were in
 * flight, the store has no state or an old one, or no rules are held that fit the counters.
 */
export type DegradedCause = 'unavailable' | 'overloaded' | 'absent' | 'stale' | 'rules';

/** A subject and what it spent; the amounts and the state are null when the counters could not be relied on. */
export interface CheckFinding {
  readonly subject: CheckedSubject;
  readonly spentNanoUsd: NanoUsd | null;
  /** Never negative; null too where spend is unlimited. */
  readonly remainingNanoUsd: NanoUsd | null;
  readonly state: BudgetState | null;
}

export interface CheckResult {
  readonly enforced: boolean;
  /** Null when the call may go ahead. */
  readonly denial: Denial | null;
  readonly degradedBy: DegradedCause | null;
  /** The identity that the call would be charged to, and its category; null without a customer. */
  readonly identity: string | null;
  readonly category: BudgetCategory | null;
  /** Every subject evaluated, in the order in which they deny. */
  readonly findings: readonly CheckFinding[];
  readonly missingEndUser: boolean;
  /** No identity concerned has spent anything in its open period. */
  readonly newCustomer: boolean;
}

type Reading = { readonly checked: readonly CheckedSubject[] } & (
  | { readonly spent: readonly (NanoUsd | null)[]; readonly rulesVersion: number }
  | { readonly spent: null; readonly degradedBy: DegradedCause }
);

const NO_CUSTOMER: Denial = {
  reason: 'missing_end_user',
  message: 'The call names no customer (end_user), and calls without one are not allowed.',
};

/**
 * Decides whether a call may go ahead, by what its subjects spent so far, in one round trip to the
 * store. A second one is made only when rules of another version just took effect, and to admit a new
 * customer under a bound. A store that is away never makes it throw: the fail policy answers, each
 * trip within the timeout, and the result says so.
 */
export async function checkRequest(ports: CheckPorts, call: CheckedCall): Promise<CheckResult> {
  const { policy } = ports;
  const at = ports.now();
  const reading = await readInForce(ports, call, at);
  const { checked } = reading;
  const charged = checked.findLast(({ subject }) => subject.kind === 'customer');
  const about = {
    enforced: policy.enforced,
    identity: charged?.subject.id ?? null,
    category: charged?.category ?? null,
    missingEndUser: cleanCustomer(call.endUser) === null,
  };
  const refused = about.missingEndUser && policy.missingEndUser === 'deny' ? NO_CUSTOMER : null;
  if (reading.spent === null) {
    const denial = refused ?? unavailable(policy.fail, about.category);
    const findings = checked.map(unknownFinding);
    const { degradedBy } = reading;
    return ifEnforced({ ...about, denial, degradedBy, findings, newCustomer: false });
  }
  const { spent } = reading;
  const decision = decide(checked.map((subject, index) => ({ subject, spentNanoUsd: spent[index] ?? 0n })));
  const newCustomer = isNewCustomer(checked, spent);
  const known = { ...about, findings: decision.findings, degradedBy: null, newCustomer };
  const denial = refused ?? (decision.outcome === 'deny' ? decision : null);
  if (denial !== null) return ifEnforced({ ...known, denial });
  const customer = checked.find(({ subject }) => subject.kind === 'customer')?.subject.id;
  if (!newCustomer || customer === undefined || !isBounded(policy)) return { ...known, denial: null };
  return { ...known, ...(await admitNewCustomer(ports, { call, customer, category: about.category, at })) };
}

function ifEnforced(result: CheckResult): CheckResult {
  return result.enforced ? result : { ...result, denial: null };
}

function isBounded(policy: CheckPolicy): boolean {
  return policy.enforced && policy.maxNewCustomersPerKeyPerHour > 0;
}

/** Reads by the preferred rules, and once more when the counters turn out to be counted by others. */
async function readInForce(ports: CheckPorts, call: CheckedCall, at: Date): Promise<Reading> {
  const preferred = ports.rules.preferred();
  if (preferred === undefined) return { checked: [], spent: null, degradedBy: 'rules' };
  const first = await readBy(ports, { rules: preferred, call, at });
  if (first.spent === null || first.checked.length === 0) return first;
  const inForce = ports.rules.use({ stateVersion: first.rulesVersion, at });
  if (inForce === preferred) return first;
  if (inForce === undefined) return { checked: first.checked, spent: null, degradedBy: 'rules' };
  return await readBy(ports, { rules: inForce, call, at });
}

async function readBy(
  ports: CheckPorts,
  of: { readonly rules: PublishedRules; readonly call: CheckedCall; readonly at: Date },
): Promise<Reading> {
  const checked = subjectsToCheck(of.rules, of.call, of.at);
  if (checked.length === 0) return { checked, spent: [], rulesVersion: of.rules.version };
  try {
    const reading = await ports.spend.read({
      subjects: checked.map(({ key, periodId }) => ({ subject: key, period: periodId })),
      timeoutMs: ports.policy.timeoutMs,
    });
    if (reading.health !== 'whole') return { checked, spent: null, degradedBy: reading.health };
    return { checked, spent: reading.spentNanoUsd, rulesVersion: reading.rulesVersion };
  } catch (error) {
    return { checked, spent: null, degradedBy: degradedCause(error) };
  }
}

/** Only failures of the store are answered by the fail policy; our own mistakes go on to the edge. */
function degradedCause(error: unknown): DegradedCause {
  if (error instanceof Overloaded) return 'overloaded';
  if (error instanceof SpendStoreUnavailable) return 'unavailable';
  throw error;
}

async function admitNewCustomer(
  ports: CheckPorts,
  of: {
    readonly call: CheckedCall;
    readonly customer: string;
    readonly category: BudgetCategory | null;
    readonly at: Date;
  },
): Promise<Pick<CheckResult, 'denial' | 'degradedBy'>> {
  const { timeoutMs, fail, maxNewCustomersPerKeyPerHour: limit } = ports.policy;
  const { customer, at } = of;
  try {
    const key = of.call.key ?? '';
    const admitted = await ports.newCustomers.admit({ key, customer, limit, at, timeoutMs });
    return { denial: admitted ? null : tooManyNewCustomers(limit), degradedBy: null };
  } catch (error) {
    const degradedBy = degradedCause(error);
    return { denial: unavailable(fail, of.category), degradedBy };
  }
}

function tooManyNewCustomers(limit: number): Denial {
  const message = `More than ${limit} new customers within an hour came with this key; try again later.`;
  return { reason: 'new_customer_limit', message };
}

function unavailable(policy: FailPolicy, category: BudgetCategory | null): Denial | null {
  const decision = failDecision(policy, category);
  return decision.outcome === 'allow' ? null : { reason: decision.reason, message: decision.message };
}

function isNewCustomer(checked: readonly CheckedSubject[], spent: readonly (NanoUsd | null)[]): boolean {
  const isIdentity = (subject: CheckedSubject | undefined) => subject?.subject.kind === 'customer';
  return (
    checked.some(isIdentity) && spent.every((amount, index) => amount === null || !isIdentity(checked[index]))
  );
}

function unknownFinding(subject: CheckedSubject): CheckFinding {
  return { subject, spentNanoUsd: null, remainingNanoUsd: null, state: null };
}
