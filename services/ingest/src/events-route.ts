import type { Clock } from '@spendgate/application';
import { BudgetError, Overloaded } from '@spendgate/domain';
import { uncheckedReplies } from '@spendgate/runtime';
import type { FastifyPluginAsyncZod } from '@spendgate/runtime';
import { z } from 'zod';
import type { IngestMetrics } from './ingest-metrics.ts';
import type { Intake, IntakeAnswer, ReceivedEvents } from './intake.ts';
import { parsePayloads } from './parse-payloads.ts';
import type { EventReader } from './read-event.ts';
import { errorReply } from './reply-schemas.ts';
import { unpackBody } from './unpack-body.ts';

export const BODY_LIMIT_BYTES = 32 * 1_024 * 1_024;
/** Bodies in work together; one more beyond it is answered 503. A body costs several times its size while it is read. */
const BYTES_IN_WORK_MAX = 128 * 1_024 * 1_024;

const answer = z.object({
  accepted: z.int(),
  duplicates: z.int(),
  rejected: z.int(),
  rejections: z.array(z.object({ index: z.int(), id: z.string().nullable(), reason: z.string() })),
});

interface EventsRoutePorts {
  readonly intake: Intake;
  readonly reader: EventReader;
  readonly clock: Clock;
  readonly metrics: IngestMetrics;
}

type Refusal = 'not_json' | 'too_large' | 'unknown_encoding';

const REFUSALS = {
  not_json: { status: 400, type: 'invalid_request', message: 'The body is no JSON.' },
  too_large: { status: 413, type: 'too_large', message: 'The body is too large.' },
  unknown_encoding: {
    status: 415,
    type: 'unsupported_media_type',
    message: 'The content encoding is not supported; send gzip or none.',
  },
} as const;

const RETRY_AFTER_SECONDS = 1;
const NOT_DURABLE = {
  error: { type: 'unavailable', message: 'The events could not be made durable; send them again.' },
};

/**
 * Takes LiteLLM's events: an array, one object or NDJSON, whatever the content type says. Never 429, and
 * 4xx only for what holds no events at all: LiteLLM drops a batch on any 4xx. 503 for whatever else keeps events
 * from being durable, our own mistakes included: the events are sound, and may be taken once those are mended.
 */
export function eventsRoute(ports: EventsRoutePorts): FastifyPluginAsyncZod {
  const take = createBodyTaker(ports);
  return async (app) => {
    app.removeAllContentTypeParsers();
    // Whatever the type says, a malformed one too: Fastify's 415 would make LiteLLM drop the batch.
    app.addHook('onRequest', (request, _reply, done) => {
      request.headers['content-type'] = 'application/octet-stream';
      done();
    });
    app.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => {
        done(null, body);
      },
    );
    app.post(
      '/v1/events',
      {
        config: { scope: 'ingest' },
        bodyLimit: BODY_LIMIT_BYTES,
        schema: {
          summary: 'Take spend events: a JSON array, one object or NDJSON, optionally gzip',
          response: { 200: answer, 400: errorReply, 413: errorReply, 415: errorReply, 503: errorReply },
        },
        serializerCompiler: uncheckedReplies,
      },
      async (request, reply) => {
        const stopTimer = ports.metrics.intakeDuration.startTimer();
        const { body } = request;
        // Not held while the events wait for their store: they are read by then.
        request.body = undefined;
        const encoding = request.headers['content-encoding'];
        const taken = await take({ body, encoding }).catch((error: unknown) => {
          if (error instanceof BudgetError && error.retryable) throw error;
          request.log.error({ err: error, requestId: request.id }, 'events could not be made durable');
          return 'not_durable' as const;
        });
        if (taken === 'not_durable') {
          return reply.code(503).header('retry-after', RETRY_AFTER_SECONDS).send(NOT_DURABLE);
        }
        if (typeof taken === 'string') {
          const { status, type, message } = REFUSALS[taken];
          ports.metrics.inadmissible.inc({ reason: taken });
          return reply.code(status).send({ error: { type, message } });
        }
        stopTimer();
        if (taken.rejected > 0) {
          const reasons = [...new Set(taken.rejections.map(({ reason }) => reason))];
          request.log.warn(
            { requestId: request.id, rejected: taken.rejected, accepted: taken.accepted, reasons },
            'events were rejected; GET /v1/rejected-events tells why',
          );
        }
        return { ...taken, rejections: [...taken.rejections] };
      },
    );
  };
}

interface SentBody {
  readonly body: unknown;
  readonly encoding: string | undefined;
}

/** Takes one body at a time from its bytes to its answer, as long as not too many bytes are in work. */
function createBodyTaker(ports: EventsRoutePorts): (sent: SentBody) => Promise<IntakeAnswer | Refusal> {
  let bytesInWork = 0;
  return async (sent) => {
    const sizeBytes = Buffer.isBuffer(sent.body) ? sent.body.length : 0;
    if (bytesInWork > BYTES_IN_WORK_MAX) throw new Overloaded('too many bytes are in work');
    bytesInWork += sizeBytes;
    try {
      const received = await readBody(ports, sent);
      return typeof received === 'string' ? received : await ports.intake.take(received);
    } finally {
      bytesInWork -= sizeBytes;
    }
  };
}

/** A function of its own, so that neither text nor payloads outlive it. */
async function readBody(ports: EventsRoutePorts, sent: SentBody): Promise<ReceivedEvents | Refusal> {
  if (!Buffer.isBuffer(sent.body)) return 'not_json';
  const unpacked = await unpackBody(sent.body, { encoding: sent.encoding, limitBytes: BODY_LIMIT_BYTES });
  if (unpacked.outcome === 'broken') return 'not_json';
  if (unpacked.outcome !== 'unpacked') return unpacked.outcome;
  const payloads = parsePayloads(unpacked.text);
  if (payloads === undefined) return 'not_json';
  if (payloads === 'too_many') return 'too_large';
  const receivedAt = new Date(ports.clock.nowMs());
  return { readings: payloads.map((payload) => ports.reader.readParsed(payload, receivedAt)), receivedAt };
}
