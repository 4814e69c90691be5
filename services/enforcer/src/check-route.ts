import { checkRequest, keyHash } from '@spendgate/application';
import type { CheckPorts } from '@spendgate/application';
import type { CheckedCall } from '@spendgate/domain';
import { uncheckedReplies } from '@spendgate/runtime';
import type { FastifyPluginAsyncZod } from '@spendgate/runtime';
import type { CheckMetrics } from './check-metrics.ts';
import { toReply } from './check-reply.ts';
import { checkQuestion, checkReply } from './check-schema.ts';
import type { CheckQuestion, CheckReply } from './check-schema.ts';

/** The check, by POST with a JSON body or by GET with a query; both answer alike, allowed or denied: 200. */
export function checkRoute(ports: CheckPorts, metrics: CheckMetrics): FastifyPluginAsyncZod {
  const answer = async (question: CheckQuestion): Promise<CheckReply> => {
    const startMs = performance.now();
    const result = await checkRequest(ports, toCall(question));
    metrics.observe(result, { durationMs: performance.now() - startMs });
    return toReply(result);
  };
  const response = { 200: checkReply };
  const config = { scope: 'check' } as const;
  return async (app) => {
    app.post(
      '/v1/check',
      {
        config,
        schema: { summary: 'May this call go ahead?', body: checkQuestion, response },
        serializerCompiler: uncheckedReplies,
      },
      async (request) => answer(request.body),
    );
    app.get(
      '/v1/check',
      {
        config,
        schema: { summary: 'May this call go ahead?', querystring: checkQuestion, response },
        serializerCompiler: uncheckedReplies,
      },
      async (request) => answer(request.query),
    );
  };
}

function toCall(question: CheckQuestion): CheckedCall {
  return {
    endUser: question.end_user,
    model: question.model,
    channel: question.channel,
    userAgent: question.user_agent,
    key: typeof question.key === 'string' ? keyHash(question.key) : question.key,
    team: question.team,
    user: question.user,
  };
}
