import { priceEvent } from '@spendgate/application';
import type { PriceEventPorts, UnpricedEvent, UnpricedEvents } from '@spendgate/application';
import { formatUsd, nanoToUsd, usdToNano } from '@spendgate/domain';
import type { FastifyPluginAsyncZod } from '@spendgate/runtime';
import { z } from 'zod';
import { errorReply, nextCursor, pageQuery } from './reply-schemas.ts';

const NOTE_MAX_LENGTH = 500;

const unpricedReply = z.object({
  id: z.string(),
  started_at: z.string(),
  base: z.string().nullable(),
  identity: z.string().nullable(),
  category: z.string().nullable(),
  key_hash: z.string().nullable(),
  team_id: z.string().nullable(),
  user_id: z.string().nullable(),
  model_group: z.string().nullable(),
  model: z.string().nullable(),
  provider: z.string().nullable(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  cost_usd: z.number().nullable(),
});

interface UnpricedRoutesPorts {
  readonly price: PriceEventPorts;
  readonly unpriced: Pick<UnpricedEvents, 'list'>;
}

/** Successes whose cost is unknown: listed, and priced by hand. */
export function unpricedRoutes(
  ports: UnpricedRoutesPorts,
  settings: { readonly maxEventCostUsd: number; readonly ledgerDeadlineMs: number },
): FastifyPluginAsyncZod {
  const priceBody = z.strictObject({
    cost_usd: z.number().min(0).max(settings.maxEventCostUsd),
    note: z.string().trim().max(NOTE_MAX_LENGTH).optional(),
  });
  return async (app) => {
    app.get(
      '/v1/unpriced',
      {
        config: { scope: 'read' },
        schema: {
          summary: 'Events whose cost is unknown and that nobody priced yet',
          querystring: z.strictObject(pageQuery),
          response: { 200: z.object({ items: z.array(unpricedReply), next_cursor: z.string().nullable() }) },
        },
      },
      async ({ query: { cursor, limit } }) => {
        const events = await ports.unpriced.list({ after: cursor ?? null, limit });
        return { items: events.map(toReply), next_cursor: nextCursor(events, { limit }) };
      },
    );
    app.post(
      '/v1/events/:id/price',
      {
        config: { scope: 'admin' },
        schema: {
          summary: 'Give an unpriced event its cost, once; repeating it with the same amount is safe',
          params: z.object({ id: z.string().min(1) }),
          body: priceBody,
          response: { 200: unpricedReply, 404: errorReply, 409: errorReply },
        },
      },
      async (request, reply) => {
        const result = await priceEvent(ports.price, {
          eventId: request.params.id,
          costNanoUsd: usdToNano(request.body.cost_usd),
          actor: request.who ?? 'anonymous',
          note: request.body.note ?? null,
          deadlineAtMs: ports.price.clock.nowMs() + settings.ledgerDeadlineMs,
        });
        if (result.outcome === 'priced') return toReply(result.event);
        return result.outcome === 'not_found'
          ? reply.code(404).send(toError('not_found', 'No unpriced event has this id.'))
          : reply
              .code(409)
              .send(
                toError(
                  'conflict',
                  `This event is already priced at ${formatUsd(result.pricedNanoUsd)} USD.`,
                ),
              );
      },
    );
  };
}

function toError(type: string, message: string) {
  return { error: { type, message } };
}

function toReply(event: UnpricedEvent): z.output<typeof unpricedReply> {
  return {
    id: event.id,
    started_at: event.startedAt.toISOString(),
    base: event.base,
    identity: event.identity,
    category: event.category,
    key_hash: event.keyHash,
    team_id: event.teamId,
    user_id: event.userId,
    model_group: event.modelGroup,
    model: event.model,
    provider: event.provider,
    prompt_tokens: event.promptTokens,
    completion_tokens: event.completionTokens,
    cost_usd: event.pricedNanoUsd === null ? null : nanoToUsd(event.pricedNanoUsd),
  };
}
