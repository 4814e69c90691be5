import { BUDGET_CATEGORIES, InvalidRules } from '@spendgate/domain';
import type { PublishedRules } from '@spendgate/domain';
import { z } from 'zod';

/** The shape of the text, raised with each change that an older reader would misread. */
const FORMAT = 1;

/** Published rules as JSON text: amounts as decimal texts of nano-USD, instants in ISO 8601. */
export function encodeRules(rules: PublishedRules): string {
  return JSON.stringify({ format: FORMAT, ...rules }, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/**
 * The inverse of `encodeRules`.
 * @throws InvalidRules - the text is no rules that this build can read; the message says where.
 */
export function decodeRules(text: string): PublishedRules {
  const parsed = rulesSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new InvalidRules(`Published rules cannot be read: ${z.prettifyError(parsed.error)}`, {
      cause: parsed.error,
    });
  }
  const { format: _format, ...rules } = parsed.data;
  return rules;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidRules('Published rules cannot be read: they are no JSON', { cause: error });
  }
}

const nanoUsd = z
  .string()
  .regex(/^-?\d{1,30}$/)
  .transform((text) => BigInt(text));
const instant = z.iso.datetime({ offset: false }).transform((text) => new Date(text));
const count = z.number().int().nullable();

const budget = z.strictObject({
  budgetId: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  category: z.enum(BUDGET_CATEGORIES).nullable(),
  softNanoUsd: nanoUsd.nullable(),
  maxNanoUsd: nanoUsd.nullable(),
  duration: z.string().nullable(),
  tpmLimit: count,
  rpmLimit: count,
  maxParallelRequests: count,
});

const scheme = z.strictObject({
  duration: z.string().nullable(),
  timezone: z.string().exactOptional(),
  resetTime: z.string().exactOptional(),
  anchor: instant.exactOptional(),
});

const history = z
  .array(z.strictObject({ from: instant.nullable(), scheme }))
  .refine((entries) => entries[0]?.from === null, { error: 'must begin with a scheme since ever' });

const rulesSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.number().int().min(0),
  catalogue: z.strictObject({ budgets: z.array(budget) }),
  defaultBudgetIds: z.strictObject({
    platform: z.string().nullable(),
    cli: z.string().nullable(),
    premium_models: z.string().nullable(),
  }),
  globalBudget: budget.nullable(),
  schemes: z.strictObject({ platform: history, cli: history, premium_models: history, global: history }),
  attribution: z.strictObject({
    premiumAliases: z.array(z.string()),
    identitySuffix: z.enum(['budget_id', 'category']),
    cliUserAgents: z.array(z.string()),
    deployedModels: z.record(z.string(), z.array(z.string())),
  }),
});
