// npm run detach -- 2026-01: takes a finished month out of the ledger. The counters keep their sums.
import { decodeRules } from '@spendgate/config';
import { chargesOfRecorded } from '@spendgate/domain';
import type { DetachResult } from '@spendgate/application';
import { runOnLedger } from './operator-stores.ts';
import { printStep } from './screen.ts';

/** Counting waits as long as this for the lock; LiteLLM's callback must not lose a batch by it. */
const LOCK_TIMEOUT_MS = 2_000;

await runOnLedger('detach', async (ledger) => {
  const [month = ''] = process.argv.slice(2);
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new Error('which month? npm run detach -- 2026-01');
  const published = await ledger.rules.find();
  if (published === undefined) throw new Error('no budgets are published in this database: npm run migrate');
  const rules = decodeRules(published.text);
  printStep(`Ledger: summing ${month} and detaching it`);
  const result = await ledger.upkeep.detachPartition({
    month: new Date(`${month}-01T00:00:00Z`),
    chargesOf: (call) => chargesOfRecorded(rules, call),
    lockTimeoutMs: LOCK_TIMEOUT_MS,
    actor: 'npm run detach',
  });
  report(result, month);
});

function report(result: DetachResult, month: string): void {
  switch (result.outcome) {
    case 'detached':
      printStep(`Ledger: ${month} is detached (calls that cost something: ${result.chargedRows})`);
      printStep(`Opening balances noted: ${result.openingBalances}; counters and event ids stay as they are`);
      printStep(
        `The rows are in spendgate.${result.tableName}: copy them elsewhere (pg_dump -t), then drop it`,
      );
      return;
    case 'not_attached':
      printStep(`Ledger: it holds no partition for ${month}: nothing to do`);
      return;
    case 'refused':
      throw new Error(refusal(result, month));
    default:
      result satisfies never;
  }
}

function refusal(result: Extract<DetachResult, { outcome: 'refused' }>, month: string): string {
  switch (result.obstacle) {
    case 'month_not_over':
      return `${month} is not over (in UTC)`;
    case 'periods_not_closed':
      return `${result.found} counters of periods that end in or after ${month} are not closed yet; the jobs service closes them`;
    case 'events_unpriced':
      return `${result.found} calls of ${month} are unpriced, which cannot be mended once they are detached: see GET /v1/unpriced, and price them (at 0 to settle them)`;
    default:
      return result.obstacle satisfies never;
  }
}
