import { createLogger } from '@spendgate/observability';
import { z } from 'zod';
import { connectStores, createEnforcer, parseConfig } from '../src/index.ts';
import { checkReply } from '../src/check-schema.ts';
import type { CheckReply } from '../src/check-schema.ts';

const authorization = 'Bearer check-token';
const readiness = z.object({
  status: z.string(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string().optional() })),
});

export interface StartedEnforcer extends AsyncDisposable {
  check(question: Readonly<Record<string, string>>): Promise<CheckReply>;
  get(question: Readonly<Record<string, string>>): Promise<CheckReply>;
  /** The names of the checks that failed, and why; none when ready. */
  notReady(): Promise<Readonly<Record<string, string>>>;
  /** The value of a metric's line, without the service's label. */
  metric(line: string): Promise<number>;
}

/** The whole enforcer in this process, on a real Redis, with a clock that the test may set. */
export async function startEnforcer(
  redisUrl: string,
  of: { readonly env?: Readonly<Record<string, string>>; readonly now?: () => Date } = {},
): Promise<StartedEnforcer> {
  const config = parseConfig({
    REDIS_URL: redisUrl,
    ENFORCER_TOKENS: 'litellm:check-token',
    LLM_PROXY_BUDGET_CHECK_ENABLED: 'true',
    // Tests share two cores with servers; where the time matters a test sets it.
    CHECK_TIMEOUT_MS: '2000',
    ...of.env,
  });
  const logger = createLogger({ service: 'enforcer', level: 'fatal' });
  const stores = await connectStores(config, logger);
  const enforcer = await createEnforcer({
    config,
    stores,
    logger,
    ...(of.now === undefined ? {} : { now: of.now }),
  });
  const { server } = enforcer;
  const reply = (body: unknown): CheckReply => checkReply.strict().parse(body);
  return {
    async check(question) {
      const headers = { authorization };
      return reply(
        (await server.inject({ method: 'POST', url: '/v1/check', headers, body: question })).json(),
      );
    },
    async get(question) {
      const query = new URLSearchParams(question).toString();
      return reply(
        (
          await server.inject({ method: 'GET', url: `/v1/check?${query}`, headers: { authorization } })
        ).json(),
      );
    },
    async notReady() {
      const answer = await server.inject({ method: 'GET', url: '/readyz' });
      const { checks } = readiness.parse(answer.json());
      const failed = checks.filter((check) => !check.ok);
      if ((answer.statusCode === 200) !== (failed.length === 0)) {
        throw new Error(`/readyz answers ${answer.statusCode} and ${failed.length} checks failed`);
      }
      return Object.fromEntries(failed.map(({ name, detail }) => [name, detail ?? '']));
    },
    async metric(line) {
      const { body } = await server.inject({ method: 'GET', url: '/metrics' });
      const lines = body
        .split('\n')
        .map((one) => one.replace(/,service="enforcer"|service="enforcer",?/u, '').replace('{}', ''));
      return Number(lines.find((one) => one.startsWith(`${line} `))?.split(' ')[1] ?? Number.NaN);
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await enforcer.close();
      await stores.close();
    },
  };
}
