import { formatUsd, usdToNano } from '@spendgate/domain';
import type { Checked, CheckedBudget } from './demo-client.ts';
import { budgetBar, padded, print, styled } from './screen.ts';
import type { Style } from './screen.ts';

const STATES: Readonly<Record<CheckedBudget['state'], readonly [style: Style, words: string]>> = {
  ok: ['green', 'ok'],
  soft_exceeded: ['yellow', 'over the soft limit'],
  exceeded: ['red', 'used up'],
};

/** @throws Error with this message when the condition does not hold. */
export function expectThat(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

export function printTitle(title: string): void {
  print();
  print(styled('bold', title));
}

/** Whose budget, a bar, how much of how much, and its state. */
export function printBudget(identity: string, budget: CheckedBudget): void {
  const [style, words] = STATES[budget.state];
  const max = budget.max_budget ?? 0;
  const bar = max > 0 ? budgetBar({ spent: budget.spent_usd, soft: budget.soft_budget, max, style }) : '';
  const sums = `${amount(usdToNano(budget.spent_usd))} of ${amount(usdToNano(max))}`;
  print(`   ${padded(identity, 30)} ${bar} ${sums}  ${styled(style, words)}`);
}

export function printDecision(check: Checked): void {
  print(
    check.allowed
      ? `   ${styled('green', '✓ allowed')}`
      : `   ${styled('red', '✗ denied')}  ${check.error?.message ?? check.reason ?? ''}`,
  );
}

/** Dollars as plain decimals. */
export function amount(nanoUsd: bigint): string {
  return `$${formatUsd(nanoUsd)}`;
}

/** Shows a wait: a countdown on a terminal, one line elsewhere. */
export function createWaitPrinter(): (what: string, leftMs: number) => void {
  let isWaiting = false;
  return (what, leftMs) => {
    const seconds = Math.ceil(leftMs / 1000);
    if (process.stdout.isTTY) {
      const text = leftMs > 0 ? `   waiting for ${what}: ${seconds} s` : '';
      process.stdout.write(`\r\u001B[2K${styled('dim', text)}`);
    } else if (!isWaiting && leftMs > 0) {
      print(styled('dim', `   waiting ${seconds} s for ${what}`));
    }
    isWaiting = leftMs > 0;
  };
}
