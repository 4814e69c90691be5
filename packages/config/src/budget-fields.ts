import {
  BudgetError,
  formatUsd,
  parseDuration,
  parseResetTime,
  parseTimeZone,
  usdToNano,
} from '@spendgate/domain';
import { z } from 'zod';

/** The most that a counter of 64 bits can hold, rounded down. */
const MAX_USD = 9_000_000_000;
const MAX_ID_LENGTH = 128;
const MAX_TEXT_LENGTH = 1_000;

/** Dollars as the file has them: finite, at least zero, and within what can be counted. */
export const usdAmount = z
  .number({ error: rule('must be a finite number of USD') })
  .refine((usd) => usd >= 0, { error: 'must not be negative' })
  .refine((usd) => usd <= MAX_USD, { error: `must be at most ${MAX_USD}` });

/** More than nothing once it is rounded to nano-USD. */
export const positiveUsdAmount = z
  .number({ error: rule('must be a finite number of USD') })
  .refine((usd) => usdToNano(usd) > 0n, { error: `must be more than 0 (at least ${formatUsd(1n)})` })
  .refine((usd) => usd <= MAX_USD, { error: `must be at most ${MAX_USD}` });

export const budgetId = nonBlankText(MAX_ID_LENGTH).refine((id) => !/\p{Cc}/u.test(id), {
  error: 'must not hold control characters',
});

export const budgetName = nonBlankText(MAX_TEXT_LENGTH);

export const description = text().max(MAX_TEXT_LENGTH, {
  error: `must be at most ${MAX_TEXT_LENGTH} characters`,
});

/** A duration that periods can be reckoned by. */
export const budgetDuration = checkedBy(parseDuration);

export const timezone = checkedBy(parseTimeZone);

export const resetTime = checkedBy(parseResetTime);

export const positiveCount = z
  .number({ error: rule('must be a whole number') })
  .refine((count) => Number.isSafeInteger(count) && count >= 1, {
    error: 'must be a whole number of at least 1',
  });

/** The message of a field: that it is missing, or the rule that its value breaks. */
export function rule(message: string): (issue: { readonly input?: unknown }) => string {
  return (issue) => (issue.input === undefined ? 'is missing' : message);
}

function text() {
  return z.string({ error: rule('must be a text (numbers and switches need quotes)') });
}

function nonBlankText(maxLength: number) {
  return text()
    .refine((value) => value.trim() !== '', { error: 'must not be blank' })
    .max(maxLength, { error: `must be at most ${maxLength} characters` });
}

/** A text that the domain can read; its own error says what is wrong. */
function checkedBy(parse: (value: unknown) => unknown) {
  return text().superRefine((value, context) => {
    try {
      parse(value);
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  });
}
