import { describe, expect, it } from 'vitest';
import type { CheckResult } from '@spendgate/application';
import { budget } from '@spendgate/testkit';
import { toReply } from './check-reply.ts';
import { checkReply } from './check-schema.ts';

const START = new Date('2026-11-01T00:00:00Z');
const END = new Date('2026-12-01T00:00:00Z');

function result(overrides: Partial<CheckResult> = {}): CheckResult {
  return {
    enforced: true,
    denial: null,
    degradedBy: null,
    identity: 'john@company.com',
    category: 'platform',
    missingEndUser: false,
    newCustomer: false,
    findings: [
      {
        subject: {
          subject: { kind: 'customer', id: 'john@company.com' },
          key: 'customer:john@company.com',
          role: 'customer',
          category: 'platform',
          budget: budget(),
          period: { start: START, end: END },
          periodId: `${START.getTime()}-${END.getTime()}`,
        },
        spentNanoUsd: 60_000_000_001n,
        remainingNanoUsd: 39_999_999_999n,
        state: 'soft_exceeded',
      },
    ],
    ...overrides,
  };
}

describe('the answer to a check', () => {
  it('holds every key and all amounts in dollars', () => {
    expect(toReply(result())).toEqual({
      allowed: true,
      enforced: true,
      degraded: false,
      reason: null,
      identity: 'john@company.com',
      category: 'platform',
      budgets: [
        {
          subject: { kind: 'customer', id: 'john@company.com' },
          budget_id: 'default',
          spent_usd: 60.000000001,
          held_usd: 0,
          max_budget: 100,
          soft_budget: 50,
          remaining_usd: 39.999999999,
          period_start: '2026-11-01T00:00:00.000Z',
          resets_at: '2026-12-01T00:00:00.000Z',
          state: 'soft_exceeded',
        },
      ],
      error: null,
    });
  });

  it('carries LiteLLM’s error object with its four keys in order', () => {
    const denial = { reason: 'budget_exceeded', message: 'ExceededBudget: …' } as const;
    const { error } = toReply(result({ denial }));
    expect(JSON.stringify(error)).toBe(
      '{"message":"ExceededBudget: …","type":"budget_exceeded","param":null,"code":"400"}',
    );
  });

  it('says 503 in the error when enforcement is unavailable', () => {
    const denial = { reason: 'enforcement_unavailable', message: 'x' } as const;
    const reply = toReply(result({ denial, degradedBy: 'absent' }));
    expect(reply).toMatchObject({ allowed: false, degraded: true, reason: 'enforcement_unavailable' });
    expect(reply.error).toMatchObject({ type: 'enforcement_unavailable', code: '503' });
  });

  it.each([
    [result()],
    [result({ findings: [], identity: null, category: null })],
    [result({ denial: { reason: 'missing_end_user', message: 'x' } })],
    [
      result({
        degradedBy: 'stale',
        findings: result().findings.map((finding) => ({
          ...finding,
          spentNanoUsd: null,
          remainingNanoUsd: null,
          state: null,
        })),
      }),
    ],
  ])('is what the documented schema says', (given) => {
    expect(checkReply.strict().safeParse(toReply(given)).error).toBeUndefined();
  });
});
