import { z } from 'zod';

/** Ids longer than this are stored as a hash elsewhere and cannot be asked for. */
const MAX_ID_LENGTH = 512;
const MAX_USER_AGENT_LENGTH = 4_096;

const storable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');
const NOT_STORABLE = 'Must not hold NUL or half of a surrogate pair';

/** An absent id and null are the same; an empty one is a caller's mistake that would go unnoticed. */
const id = z
  .string()
  .max(MAX_ID_LENGTH, `Must be at most ${MAX_ID_LENGTH} characters`)
  .refine((text) => text.trim() !== '', 'Must not be empty')
  .refine(storable, NOT_STORABLE);

/** What is asked about, in the body of POST and in the query of GET alike. */
export const checkQuestion = z.strictObject({
  end_user: id.nullish().describe('The customer (LiteLLM end user), base id or derived identity'),
  model: id.nullish().describe('The public model name that the call asks for'),
  channel: z.enum(['platform', 'cli']).nullish().describe('How the call came in'),
  user_agent: z.string().max(MAX_USER_AGENT_LENGTH).nullish().describe("The caller's user agent"),
  key: id.nullish().describe('The virtual key, or its hash'),
  team: id.nullish(),
  user: id.nullish().describe("LiteLLM's internal user"),
});
export type CheckQuestion = z.output<typeof checkQuestion>;

const usd = z.number();
const instant = z.iso.datetime().nullable();

const budget = z.object({
  subject: z.object({ kind: z.string(), id: z.string() }),
  budget_id: z.string().nullable().describe('Null where the subject has no budget'),
  spent_usd: usd.nullable().describe('Null when degraded'),
  held_usd: usd,
  max_budget: usd.nullable().describe('Null is unlimited, 0 allows nothing'),
  soft_budget: usd.nullable(),
  remaining_usd: usd.nullable().describe('Never negative; null when unlimited or degraded'),
  period_start: instant,
  resets_at: instant.describe('Null never resets'),
  state: z.enum(['ok', 'soft_exceeded', 'exceeded']).nullable().describe('Null when degraded'),
});

const REASONS = [
  'budget_exceeded',
  'enforcement_unavailable',
  'missing_end_user',
  'new_customer_limit',
] as const;

/** The answer; every field is always there. */
export const checkReply = z.object({
  allowed: z.boolean(),
  enforced: z.boolean().describe('False while checks are switched off: then everything is allowed'),
  degraded: z.boolean().describe('The spend is not known; the answer follows FAIL_MODE'),
  reason: z.enum(REASONS).nullable(),
  identity: z.string().nullable().describe('Whom the call will be charged to'),
  category: z.enum(['platform', 'cli', 'premium_models']).nullable(),
  budgets: z.array(budget).describe('Every subject evaluated, in the order in which they deny'),
  error: z
    .object({ message: z.string(), type: z.string(), param: z.null(), code: z.string() })
    .nullable()
    .describe("LiteLLM's error object, to be sent to the client as it is"),
});
export type CheckReply = z.output<typeof checkReply>;
export type CheckReplyBudget = CheckReply['budgets'][number];
export type CheckReplyError = CheckReply['error'];
