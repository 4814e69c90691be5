import type { Payload } from '@spendgate/testkit';
import { waitFor } from '@spendgate/testkit';
import { z } from 'zod';
import { TOKENS } from './services.ts';

const intakeAnswer = z.object({
  accepted: z.number(),
  duplicates: z.number(),
  rejected: z.number(),
  rejections: z.array(z.object({ index: z.number(), id: z.string().nullable(), reason: z.string() })),
});
export type IntakeAnswer = z.infer<typeof intakeAnswer>;

const checkAnswer = z.object({
  allowed: z.boolean(),
  enforced: z.boolean(),
  degraded: z.boolean(),
  reason: z.string().nullable(),
  identity: z.string().nullable(),
  category: z.string().nullable(),
  budgets: z.array(
    z.object({
      subject: z.object({ kind: z.string(), id: z.string() }),
      budget_id: z.string().nullable(),
      spent_usd: z.number().nullable(),
      max_budget: z.number().nullable(),
      soft_budget: z.number().nullable(),
      remaining_usd: z.number().nullable(),
      period_start: z.string().nullable(),
      resets_at: z.string().nullable(),
      state: z.string().nullable(),
    }),
  ),
  error: z.object({ message: z.string(), type: z.string(), code: z.string() }).nullable(),
});
export type CheckAnswer = z.infer<typeof checkAnswer>;

const REQUEST_TIMEOUT_MS = 15_000;
const PAUSE_AFTER_REFUSAL_MS = 50;

interface Addressed {
  readonly url: string;
}

/** An answer other than 200. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
  constructor(of: { readonly status: number; readonly retryAfter: string | null; readonly body: string }) {
    super(`answered ${of.status}: ${of.body}`);
    this.status = of.status;
    this.retryAfter = of.retryAfter;
    this.body = of.body;
  }
}

/** Posts a batch as LiteLLM's `generic_api` does. @throws Refused, and what fetch throws on a lost connection */
export async function sendEvents(ingest: Addressed, payloads: readonly unknown[]): Promise<IntakeAnswer> {
  return sendText(ingest, JSON.stringify(payloads));
}

/** Posts a body as it is. @throws as `sendEvents` */
export async function sendText(ingest: Addressed, body: string): Promise<IntakeAnswer> {
  const answer = await request(`${ingest.url}/v1/events`, { method: 'POST', token: TOKENS.ingest, body });
  return intakeAnswer.parse(answer);
}

/** Sends a batch again and again until it is taken, as a well-behaved sender does. `ingest` is asked each time. */
export async function sendUntilTaken(
  ingest: () => Addressed,
  payloads: readonly Payload[],
): Promise<IntakeAnswer> {
  return waitFor(async () => sendEvents(ingest(), payloads), {
    what: 'the batch to be taken',
    timeoutMs: 45_000,
    intervalMs: PAUSE_AFTER_REFUSAL_MS,
  });
}

export async function check(enforcer: Addressed, of: Readonly<Record<string, string>>): Promise<CheckAnswer> {
  const answer = await request(`${enforcer.url}/v1/check`, {
    method: 'POST',
    token: TOKENS.check,
    body: JSON.stringify(of),
  });
  return checkAnswer.parse(answer);
}

/** What a check of this customer says was spent on its own identity, in USD; undefined when degraded. */
export function spentBy(answer: CheckAnswer, identity: string): number | undefined {
  return (
    answer.budgets.find(({ subject }) => subject.kind === 'customer' && subject.id === identity)?.spent_usd ??
    undefined
  );
}

/** Calls a route with the operator's token. @throws Refused */
export async function administrate(
  service: Addressed,
  of: { readonly method?: string; readonly path: string; readonly body?: unknown },
): Promise<unknown> {
  return request(`${service.url}${of.path}`, {
    method: of.method ?? 'GET',
    token: TOKENS.admin,
    ...(of.body === undefined ? {} : { body: JSON.stringify(of.body) }),
  });
}

async function request(
  url: string,
  of: { readonly method: string; readonly token: string; readonly body?: string },
): Promise<unknown> {
  const answer = await fetch(url, {
    method: of.method,
    headers: {
      authorization: `Bearer ${of.token}`,
      ...(of.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(of.body === undefined ? {} : { body: of.body }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  const body = await answer.text();
  const { status } = answer;
  if (status !== 200) throw new Refused({ status, retryAfter: answer.headers.get('retry-after'), body });
  return JSON.parse(body);
}
