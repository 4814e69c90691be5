import { hash } from 'node:crypto';
import type { Projection } from '@spendgate/application';
import { cleanCustomer, usdToNano } from '@spendgate/domain';
import type { SpendEvent } from '@spendgate/domain';
import type { z } from 'zod';
import { createEventSchema } from './event-schema.ts';
import type { ProjectedEvent } from './event-schema.ts';
import type { ParsedPayload } from './parse-payloads.ts';
import { isRecord, projectEvent, toStorable } from './project-event.ts';

/** A start further ahead of the receipt than this counts as begun at the receipt. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
/** Beyond this it is no wrong clock but a wrong number. */
const START_AHEAD_MAX_MS = 90 * 24 * 3_600_000;
const ISSUES_MAX = 5;

/** An event fit for the ledger, or what is wrong with it; either way with what may be kept of it. */
export type EventReading =
  | { readonly ok: true; readonly event: SpendEvent; readonly projection: Projection }
  | {
      readonly ok: false;
      readonly eventId: string | null;
      readonly reason: 'invalid' | 'not_json';
      readonly detail: string;
      readonly projection: Projection | null;
      /** Digest of what was sent where it has no id; null where it has one, or where nothing was sent. */
      readonly identity: string | null;
    };

export interface EventReader {
  /** Reads a payload of LiteLLM's, or a projection made of one before. */
  read(payload: unknown, receivedAt: Date): EventReading;
  /** As `read`, with what the parsing of the body already said. */
  readParsed(parsed: ParsedPayload, receivedAt: Date): EventReading;
}

export interface EventReaderSettings {
  readonly metadataKeys: readonly string[];
  readonly maxEventCostUsd: number;
}

/** Projects payloads by allow-list and validates them. Problems name the field and the rule, never a value. */
export function createEventReader(settings: EventReaderSettings): EventReader {
  const schema = createEventSchema(settings);
  const read = (payload: unknown, receivedAt: Date): EventReading => {
    if (!isRecord(payload)) return rejected(null, { detail: 'the element is no object', sent: payload });
    const projection = projectEvent(payload, settings.metadataKeys);
    const parsed = schema.safeParse(projection);
    if (!parsed.success) return rejected(projection, { detail: toDetail(parsed.error), sent: payload });
    const aheadMs = parsed.data.startTime * 1_000 - receivedAt.getTime();
    return aheadMs > START_AHEAD_MAX_MS
      ? rejected(projection, {
          detail: 'startTime: more than 90 days ahead of the receipt',
          sent: payload,
        })
      : { ok: true, event: toEvent(parsed.data, { receivedAt, aheadMs }), projection };
  };
  return {
    read,
    readParsed: (parsed, receivedAt) => {
      if (parsed.ok) return read(parsed.payload, receivedAt);
      const projection = isRecord(parsed.payload)
        ? projectEvent(parsed.payload, settings.metadataKeys)
        : null;
      const { detail, reason, text } = parsed;
      return { ...rejected(projection, { detail, sent: text.trim() }), reason };
    },
  };
}

function rejected(
  projection: Projection | null,
  of: { readonly detail: string; readonly sent: unknown },
): Extract<EventReading, { ok: false }> {
  const storable = projection === null ? null : toStorable(projection);
  const id = storable?.id;
  const eventId = typeof id === 'string' && id.trim() !== '' ? id : null;
  return {
    ok: false,
    eventId,
    reason: 'invalid',
    detail: of.detail,
    projection: storable,
    identity: eventId === null ? digestOf(of.sent) : null,
  };
}

/** Without an id only what was sent tells one from another; sent again it has the same digest. */
function digestOf(sent: unknown): string | null {
  const text = typeof sent === 'string' ? sent : JSON.stringify(sent);
  return text === undefined ? null : hash('sha256', text, 'hex');
}

/** Zod's own messages name types and limits, not the values found. */
function toDetail(error: z.ZodError): string {
  const issues = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  const more = issues.length - ISSUES_MAX;
  return issues.slice(0, ISSUES_MAX).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function toEvent(
  projected: ProjectedEvent,
  of: { readonly receivedAt: Date; readonly aheadMs: number },
): SpendEvent {
  const clockAhead = of.aheadMs > CLOCK_TOLERANCE_MS;
  const { metadata } = projected;
  const endUser = cleanCustomer(projected.end_user);
  return {
    id: projected.id,
    callId: projected.litellm_call_id,
    startedAt: clockAhead ? of.receivedAt : new Date(projected.startTime * 1_000),
    endedAt: projected.endTime === null ? null : new Date(projected.endTime * 1_000),
    clockAhead,
    status: projected.status,
    ...costOf(projected),
    cacheHit: projected.cache_hit === true,
    endUser,
    keyHash: blankToNull(metadata.user_api_key_hash),
    keyAlias: blankToNull(metadata.user_api_key_alias),
    teamId: blankToNull(metadata.user_api_key_team_id),
    userId: blankToNull(metadata.user_api_key_user_id),
    organisationId: blankToNull(metadata.user_api_key_org_id),
    modelGroup: blankToNull(projected.model_group),
    model: blankToNull(projected.model),
    provider: blankToNull(projected.custom_llm_provider),
    promptTokens: projected.prompt_tokens,
    completionTokens: projected.completion_tokens,
    userAgent: projected.user_agent,
    requestTags: projected.request_tags,
    metadata: metadata.spend_logs_metadata,
    fingerprint: fingerprintOf(projected, endUser),
  };
}

/** Failures and cache hits cost nothing. A success that LiteLLM could not price is unpriced, not free. */
function costOf(projected: ProjectedEvent): Pick<SpendEvent, 'costNanoUsd' | 'unpriced'> {
  const costUsd = projected.response_cost;
  if (projected.status === 'failure' || projected.cache_hit === true) {
    return { costNanoUsd: 0n, unpriced: false };
  }
  if (costUsd === null || costUsd < 0 || (costUsd === 0 && projected.price_unknown)) {
    return { costNanoUsd: 0n, unpriced: true };
  }
  return { costNanoUsd: usdToNano(costUsd), unpriced: false };
}

/** From the reported values, so that a duplicate delivered later or by another way has the same. */
function fingerprintOf(projected: ProjectedEvent, endUser: string | null): bigint {
  const content = `${projected.startTime} ${projected.response_cost} ${endUser ?? ''}`;
  return BigInt.asIntN(64, BigInt(`0x${hash('sha256', content, 'hex').slice(0, 16)}`));
}

function blankToNull(text: string | null): string | null {
  return text === null || text.trim() === '' ? null : text;
}
