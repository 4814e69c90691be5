import { replayRejected } from '@spendgate/application';
import type { RejectedEvent, RejectedEvents, ReplayPorts } from '@spendgate/application';
import type { FastifyPluginAsyncZod } from '@spendgate/runtime';
import { z } from 'zod';
import { projectEvent } from './project-event.ts';
import type { EventReader } from './read-event.ts';
import { mergePatch, projectionPatch } from './rejected-patch.ts';
import { errorReply, nextCursor, pageQuery } from './reply-schemas.ts';

const rejectedReply = z.object({
  id: z.string(),
  event_id: z.string().nullable(),
  reason: z.string(),
  detail: z.string(),
  state: z.enum(['open', 'replayed', 'dismissed']),
  source: z.enum(['http', 'kafka']),
  source_offset: z.string().nullable(),
  received_at: z.string(),
  changed_by: z.string().nullable(),
  changed_at: z.string().nullable(),
  projection: z.record(z.string(), z.unknown()).nullable(),
  /** What still keeps it from being replayed, as far as can be seen before; null when nothing does. */
  problem: z.string().nullable(),
});

const patchBody = z
  .strictObject({
    projection: projectionPatch.exactOptional(),
    state: z.enum(['open', 'dismissed']).exactOptional(),
  })
  .refine((body) => body.projection !== undefined || body.state !== undefined, 'says nothing to change');

const params = z.object({ id: z.string().min(1).max(64) });

interface RejectedRoutesPorts {
  readonly replay: ReplayPorts;
  readonly rejected: RejectedEvents;
  readonly reader: EventReader;
}

interface RejectedRoutesSettings {
  readonly ledgerDeadlineMs: number;
  readonly metadataKeys: readonly string[];
  readonly stripe: number;
}

/** Events that were refused: listed, repaired or dismissed, and replayed. */
export function rejectedRoutes(
  ports: RejectedRoutesPorts,
  settings: RejectedRoutesSettings,
): FastifyPluginAsyncZod {
  return async (app) => {
    await app.register(listRoute(ports));
    await app.register(patchRoute(ports, settings));
    await app.register(replayRoute(ports, settings));
  };
}

function listRoute(ports: RejectedRoutesPorts): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/v1/rejected-events',
      {
        config: { scope: 'read' },
        schema: {
          summary: 'Events that were refused, newest first',
          querystring: z.strictObject({
            ...pageQuery,
            cursor: z
              .string()
              .regex(/^\d{1,18}$/u, 'must be the next_cursor of the page before')
              .optional(),
            state: z.enum(['open', 'replayed', 'dismissed']).optional(),
          }),
          response: { 200: z.object({ items: z.array(rejectedReply), next_cursor: z.string().nullable() }) },
        },
      },
      async ({ query: { cursor, limit, state } }) => {
        const found = await ports.rejected.list({ state: state ?? null, after: cursor ?? null, limit });
        return {
          items: found.map((rejected) => toReply(ports.reader, rejected)),
          next_cursor: nextCursor(found, { limit }),
        };
      },
    );
  };
}

function patchRoute(ports: RejectedRoutesPorts, settings: RejectedRoutesSettings): FastifyPluginAsyncZod {
  return async (app) => {
    app.patch(
      '/v1/rejected-events/:id',
      {
        config: { scope: 'admin' },
        schema: {
          summary: 'Repair a refused event by a merge patch of its projection, dismiss it, or open it again',
          params,
          body: patchBody,
          response: { 200: rejectedReply, 404: errorReply, 409: errorReply },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const { projection, state } = request.body;
        const found = await ports.rejected.find(id);
        if (found === undefined) return reply.code(404).send(NOT_FOUND);
        if (found.state === 'replayed') return reply.code(409).send(REPLAYED);
        const repaired =
          projection === undefined
            ? {}
            : {
                projection: projectEvent(
                  mergePatch(found.projection ?? {}, projection),
                  settings.metadataKeys,
                ),
              };
        const updated = await ports.rejected.update({
          id,
          ...repaired,
          ...(state === undefined ? {} : { state }),
          by: request.who ?? 'anonymous',
        });
        // It was there a moment ago, and nothing is ever removed: a replay came in between.
        return updated === undefined ? reply.code(409).send(REPLAYED) : toReply(ports.reader, updated);
      },
    );
  };
}

function replayRoute(ports: RejectedRoutesPorts, settings: RejectedRoutesSettings): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/v1/rejected-events/:id/replay',
      {
        config: { scope: 'admin' },
        schema: {
          summary: 'Record a refused event from its projection as it stands; safe to repeat',
          params,
          response: {
            200: z.object({ outcome: z.enum(['recorded', 'duplicate']), rejected: rejectedReply }),
            404: errorReply,
            409: errorReply,
          },
        },
      },
      async (request, reply) => {
        const result = await replayRejected(ports.replay, {
          id: request.params.id,
          by: request.who ?? 'anonymous',
          stripe: settings.stripe,
          deadlineAtMs: ports.replay.clock.nowMs() + settings.ledgerDeadlineMs,
        });
        if (result.outcome === 'not_found') return reply.code(404).send(NOT_FOUND);
        if (result.outcome === 'dismissed') {
          return reply.code(409).send(toConflict('It was dismissed; open it again first.'));
        }
        if (result.outcome === 'refused') {
          return reply.code(409).send(toConflict(`Refused again: ${result.reason}: ${result.detail}`));
        }
        return { outcome: result.outcome, rejected: toReply(ports.reader, result.rejected) };
      },
    );
  };
}

const NOT_FOUND = { error: { type: 'not_found', message: 'No rejected event has this id.' } };

const REPLAYED = toConflict('It was replayed and stands in the ledger.');

function toConflict(message: string) {
  return { error: { type: 'conflict', message } };
}

function toReply(reader: EventReader, rejected: RejectedEvent): z.output<typeof rejectedReply> {
  return {
    id: rejected.id,
    event_id: rejected.eventId,
    reason: rejected.reason,
    detail: rejected.detail,
    state: rejected.state,
    source: rejected.source,
    source_offset: rejected.sourceOffset,
    received_at: rejected.receivedAt.toISOString(),
    changed_by: rejected.changedBy,
    changed_at: rejected.changedAt?.toISOString() ?? null,
    projection: rejected.projection,
    problem: rejected.state === 'replayed' ? null : problemOf(reader, rejected),
  };
}

function problemOf(reader: EventReader, rejected: RejectedEvent): string | null {
  const reading = reader.read(rejected.projection, rejected.receivedAt);
  return reading.ok ? null : reading.detail;
}
