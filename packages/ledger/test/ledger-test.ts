import { connectLedger } from '@spendgate/ledger';
import type { LedgerConnection } from '@spendgate/ledger';
import type { CounterValue } from '@spendgate/application';
import { attributedEvent, pgTest } from '@spendgate/testkit';
import type { Pool, PoolClient } from 'pg';
import type { AttributedEvent, Charge, SpendEvent } from '@spendgate/domain';

/** Opens the ports on a test's database. */
export async function open(databaseUrl: string, maxConnections = 8): Promise<LedgerConnection> {
  return connectLedger({
    databaseUrl,
    applicationName: 'ledger-test',
    maxConnections,
    statementTimeoutMs: 20_000,
  });
}

/** Gives a test `connection`: the ports on its own database, with an epoch confirmed. */
export const ledgerTest = pgTest.extend('connection', async ({ database }, { onCleanup }) => {
  const connection = await open(database.url);
  onCleanup(() => connection.close());
  await connection.counterSource.confirmEpoch({ counterBuckets: 1 });
  return connection;
});

export const NOW = new Date();
export const MONTH: Charge['period'] = `${monthStart(0).getTime()}-${monthStart(1).getTime()}`;

/** The first instant of this month or of one some months away. */
export function monthStart(away: number): Date {
  return new Date(Date.UTC(NOW.getUTCFullYear(), NOW.getUTCMonth() + away, 1));
}

/** A charge of this month's period. */
export function monthly(subject: string): Charge {
  return { subject, period: MONTH, periodEnd: monthStart(1) };
}

/** A charge of a period that ended an hour ago. */
export function ended(subject: string): Charge {
  const end = new Date(NOW.getTime() - 3_600_000);
  return { subject, period: `${end.getTime() - 1000}-${end.getTime()}`, periodEnd: end };
}

/** An event of now, charged to the subjects given. */
export function eventOn(charges: readonly Charge[], event: Partial<SpendEvent> = {}): AttributedEvent {
  return attributedEvent({ charges, event: { startedAt: NOW, endedAt: NOW, ...event } });
}

/** Spend by `subject period`, stripes added up. */
export function spentBy(counters: readonly CounterValue[]): Record<string, bigint> {
  const spent: Record<string, bigint> = {};
  for (const { subject, period, spentNanoUsd } of counters) {
    spent[`${subject} ${period}`] = (spent[`${subject} ${period}`] ?? 0n) + spentNanoUsd;
  }
  return spent;
}

/** Works beside an open transaction of another session, which goes when the work ends or fails. */
export async function besideTransaction(
  pool: Pool,
  work: (other: PoolClient) => Promise<void>,
): Promise<void> {
  const other = await pool.connect();
  try {
    await other.query('BEGIN');
    await work(other);
  } finally {
    other.release(true);
  }
}
