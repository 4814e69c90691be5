import { z } from 'zod';
import type { Payload } from '@spendgate/testkit/servers';

const counted = z.object({ accepted: z.number(), duplicates: z.number(), rejected: z.number() });
export type Counted = z.infer<typeof counted>;

const checkedBudget = z.object({
  subject: z.object({ kind: z.string(), id: z.string() }),
  budget_id: z.string().nullable(),
  /** Null where Redis did not know; the answer is degraded then. */
  spent_usd: z
    .number()
    .nullable()
    .transform((spent) => spent ?? 0),
  max_budget: z.number().nullable(),
  soft_budget: z.number().nullable(),
  period_start: z.string().nullable(),
  resets_at: z.string().nullable(),
  state: z.enum(['ok', 'soft_exceeded', 'exceeded']),
});
export type CheckedBudget = z.infer<typeof checkedBudget>;

const checked = z.object({
  allowed: z.boolean(),
  enforced: z.boolean(),
  degraded: z.boolean(),
  reason: z.string().nullable(),
  identity: z.string().nullable(),
  category: z.string().nullable(),
  budgets: z.array(checkedBudget),
  error: z.object({ message: z.string() }).nullable(),
});
export type Checked = z.infer<typeof checked>;

export interface DemoClient {
  /** Sends events as LiteLLM does. @throws Error with the answer when it is not 200. */
  send(events: readonly Payload[]): Promise<Counted>;
  check(request: Readonly<Record<string, string>>): Promise<Checked>;
}

export function createDemoClient(of: {
  readonly ingestUrl: string;
  readonly enforcerUrl: string;
  readonly ingestToken: string;
  readonly checkToken: string;
}): DemoClient {
  return {
    send: async (events) =>
      counted.parse(await post({ url: `${of.ingestUrl}/v1/events`, token: of.ingestToken, body: events })),
    check: async (request) =>
      checked.parse(await post({ url: `${of.enforcerUrl}/v1/check`, token: of.checkToken, body: request })),
  };
}

async function post(of: {
  readonly url: string;
  readonly token: string;
  readonly body: unknown;
}): Promise<unknown> {
  const answer = await fetch(of.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${of.token}` },
    body: JSON.stringify(of.body),
    signal: AbortSignal.timeout(10_000),
  });
  if (answer.status !== 200) throw new Error(`${of.url} answered ${answer.status}: ${await answer.text()}`);
  return await answer.json();
}
