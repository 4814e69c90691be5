import { setTimeout as delay } from 'node:timers/promises';
import { formatUsd, usdToNano } from '@spendgate/domain';
import { restamp, sampleEvent } from '@spendgate/testkit/servers';
import type { Payload } from '@spendgate/testkit/servers';
import type { CheckedBudget, DemoClient } from './demo-client.ts';
import { amount, expectThat, printBudget, printDecision, printTitle } from './demo-screen.ts';
import { print, styled } from './screen.ts';

/** The budgets of the demo: captured calls cost fractions of a cent, and so do these allow. */
export const DEMO_BUDGETS = `predefined_budgets:
  - budget_id: demo_platform
    name: Demo platform budget
    soft_budget: 0.00003
    max_budget: 0.00006
    budget_duration: 30s
    budget_category: platform
  - budget_id: demo_cli
    name: Demo CLI budget
    soft_budget: 0.00003
    max_budget: 0.00006
    budget_duration: 30s
    budget_category: cli
  - budget_id: demo_premium
    name: Demo premium budget
    soft_budget: 0.0005
    max_budget: 0.001
    budget_duration: 30s
    budget_category: premium_models
`;
export const DEMO_PREMIUM_ALIASES = 'claude-opus';

const JOHN = 'john@company.com';
const JANE = 'jane@company.com';
const CHEAP = 'gpt-4o-mini';
const PREMIUM = 'claude-opus-4';
/** How much of a period the story needs, generously. */
const STORY_MS = 18_000;

/** A step of the story that did not hold. Its message names the step. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

interface Teller {
  readonly client: DemoClient;
  /** Everything sent so far, in order. */
  readonly sent: Payload[];
  /** Breathing space between steps, for those who watch. */
  readonly pauseMs: number;
  /** Says how long something is waited for; called every second. */
  readonly onWait: (what: string, leftMs: number) => void;
}

const STEPS: readonly (readonly [name: string, tell: (teller: Teller) => Promise<void>])[] = [
  ['a customer nobody has seen has the default budget', newCustomer],
  ['spend rises by what the calls cost', spendRises],
  ['the soft limit is passed, calls go on', softLimit],
  ['the maximum is reached, the next call is denied', maximum],
  ['the command line client has a budget of its own', ownCliBudget],
  ['premium models are denied, others still pass', premium],
  ['the same events again change nothing', duplicates],
  ['the period rolls over, calls pass again', rollOver],
];

/**
 * Tells the story against a running system; each step is checked.
 * @throws StepFailed naming the first step that did not hold.
 */
export async function tellStory(of: Omit<Teller, 'sent'>): Promise<{ readonly steps: number }> {
  const teller: Teller = { ...of, sent: [] };
  await waitForFreshPeriod(teller);
  for (const [index, [name, tell]] of STEPS.entries()) {
    printTitle(`${index + 1}. ${name}`);
    try {
      await tell(teller);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StepFailed(`Step ${index + 1} of ${STEPS.length} did not hold (${name}): ${reason}`, {
        cause: error,
      });
    }
    await delay(of.pauseMs);
  }
  return { steps: STEPS.length };
}

async function newCustomer({ client }: Teller): Promise<void> {
  const check = await client.check({ end_user: JOHN, model: CHEAP });
  const budget = customerBudget(check.budgets);
  printBudget(JOHN, budget);
  printDecision(check);
  expectThat(
    check.allowed && check.enforced && !check.degraded,
    'the check should allow, enforced and not degraded',
  );
  expectThat(
    budget.budget_id === 'demo_platform',
    `the budget should be demo_platform, it is ${budget.budget_id}`,
  );
  expectSpent(budget, []);
}

async function spendRises(teller: Teller): Promise<void> {
  await send(teller, JOHN, [
    'event-success-plain-cheap',
    'event-success-cache-hit',
    'event-failure-rate-limit',
  ]);
  print(styled('dim', '   one call, one answer from the cache, one failure: only the first costs'));
  const { budget, check } = await look(teller, JOHN);
  expectThat(check.allowed && budget.state === 'ok', `the state should be ok, it is ${budget.state}`);
}

async function softLimit(teller: Teller): Promise<void> {
  await send(teller, JOHN, ['event-success-stream-cheap', 'event-success-plain-cheap']);
  const { budget, check } = await look(teller, JOHN);
  expectThat(check.allowed, 'a soft limit should deny nothing');
  expectThat(budget.state === 'soft_exceeded', `the state should be soft_exceeded, it is ${budget.state}`);
}

async function maximum(teller: Teller): Promise<void> {
  await send(teller, JOHN, ['event-success-plain-cheap', 'event-success-plain-cheap']);
  const { budget, check } = await look(teller, JOHN);
  expectThat(!check.allowed && check.reason === 'budget_exceeded', 'the check should deny: budget_exceeded');
  expectThat(budget.state === 'exceeded', `the state should be exceeded, it is ${budget.state}`);
  const wanted = `ExceededBudget: End User=${JOHN} over budget.`;
  expectThat(check.error?.message.startsWith(wanted) === true, `the error should begin with "${wanted}"`);
}

async function ownCliBudget({ client }: Teller): Promise<void> {
  const check = await client.check({ end_user: JOHN, model: CHEAP, channel: 'cli' });
  const budget = customerBudget(check.budgets);
  printBudget(budget.subject.id, budget);
  printDecision(check);
  expectThat(check.allowed && check.category === 'cli', 'the cli identity should pass');
  expectSpent(budget, []);
}

async function premium(teller: Teller): Promise<void> {
  await send(teller, JANE, ['event-success-plain-premium', 'event-success-stream-premium-identity']);
  const denied = await teller.client.check({ end_user: JANE, model: PREMIUM });
  const passes = await teller.client.check({ end_user: JANE, model: CHEAP });
  const spent = denied.budgets.find(({ budget_id: id }) => id === 'demo_premium');
  expectThat(spent !== undefined, 'the answer should show the premium budget');
  printBudget(spent.subject.id, spent);
  printDecision(denied);
  printBudget(JANE, customerBudget(passes.budgets));
  printDecision(passes);
  expectThat(!denied.allowed, `${PREMIUM} should be denied`);
  expectThat(passes.allowed, `${CHEAP} should still pass`);
  expectSpent(
    spent,
    teller.sent.filter((event) => event['end_user'] === JANE),
  );
  expectSpent(customerBudget(passes.budgets), []);
}

async function duplicates(teller: Teller): Promise<void> {
  const before = await teller.client.check({ end_user: JOHN, model: CHEAP });
  const result = await teller.client.send(teller.sent);
  print(
    `   all ${teller.sent.length} events once more: ${result.accepted} accepted, ${result.duplicates} duplicates`,
  );
  expectThat(result.accepted === 0 && result.duplicates === teller.sent.length, 'all should be duplicates');
  const { budget } = await look(teller, JOHN);
  expectThat(budget.spent_usd === customerBudget(before.budgets).spent_usd, 'the spend should be as before');
}

async function rollOver(teller: Teller): Promise<void> {
  const before = customerBudget((await teller.client.check({ end_user: JOHN, model: CHEAP })).budgets);
  await waitUntil(teller, 'the budgets to reset', new Date(before.resets_at ?? 0));
  const check = await teller.client.check({ end_user: JOHN, model: CHEAP });
  const budget = customerBudget(check.budgets);
  printBudget(JOHN, budget);
  printDecision(check);
  expectThat(check.allowed && !check.degraded, 'the check should pass');
  expectThat(budget.period_start === before.resets_at, 'the new period should begin where the old one ended');
  expectSpent(budget, []);
  const jane = await teller.client.check({ end_user: JANE, model: PREMIUM });
  expectThat(jane.allowed, `${PREMIUM} should pass again`);
}

async function send(teller: Teller, endUser: string, samples: readonly string[]): Promise<void> {
  const startedAt = new Date();
  const events = samples.map((sample) => restamp(sampleEvent(sample), { startedAt, endUser }));
  const result = await teller.client.send(events);
  teller.sent.push(...events);
  print(
    `   ${events.length} events of ${endUser}, ${amount(costOf(events))} together: ${result.accepted} accepted`,
  );
  expectThat(
    result.accepted === events.length,
    `all should be accepted, the answer was ${JSON.stringify(result)}`,
  );
}

/** Checks the cheap model for the customer, shows the answer, and expects exactly the sum of what was sent. */
async function look(teller: Teller, endUser: string) {
  const check = await teller.client.check({ end_user: endUser, model: CHEAP });
  const budget = customerBudget(check.budgets);
  printBudget(endUser, budget);
  printDecision(check);
  expectThat(!check.degraded, 'the answer should not be degraded');
  expectSpent(
    budget,
    teller.sent.filter((event) => event['end_user'] === endUser),
  );
  return { check, budget };
}

function customerBudget(budgets: readonly CheckedBudget[]): CheckedBudget {
  const found = budgets.find(({ subject }) => subject.kind === 'customer');
  expectThat(found !== undefined, 'the answer should show the customer’s budget');
  return found;
}

function expectSpent(budget: CheckedBudget, events: readonly Payload[]): void {
  const wanted = costOf(events);
  const spent = usdToNano(budget.spent_usd);
  expectThat(spent === wanted, `${formatUsd(wanted)} should be spent, it is ${formatUsd(spent)}`);
}

function costOf(events: readonly Payload[]): bigint {
  return events
    .map(({ response_cost: cost }) => (typeof cost === 'number' ? usdToNano(cost) : 0n))
    .reduce((sum, cost) => sum + cost, 0n);
}

async function waitForFreshPeriod(teller: Teller): Promise<void> {
  const { budgets } = await teller.client.check({ end_user: JOHN, model: CHEAP });
  const resetsAt = new Date(customerBudget(budgets).resets_at ?? 0);
  if (resetsAt.getTime() - Date.now() < STORY_MS) await waitUntil(teller, 'a fresh 30 s period', resetsAt);
}

async function waitUntil(teller: Teller, what: string, at: Date): Promise<void> {
  for (let leftMs = at.getTime() - Date.now(); leftMs > 0; leftMs = at.getTime() - Date.now()) {
    teller.onWait(what, leftMs);
    await delay(Math.min(leftMs, 1_000));
  }
  teller.onWait(what, 0);
}
