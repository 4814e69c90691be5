import type { Projection } from '@spendgate/application';
import { z } from 'zod';
import { isRecord } from './project-event.ts';

const TEXT_MAX_LENGTH = 1_024;
const text = z.string().max(TEXT_MAX_LENGTH).nullable().exactOptional();
const number = z.number().nullable().exactOptional();
const flag = z.boolean().nullable().exactOptional();

/**
 * A merge patch of a projection: fields given replace, null takes away, the rest stays. Only fields that a
 * projection has; whether the event is then sound the answer says, and the replay decides.
 */
export const projectionPatch = z.strictObject({
  id: z.string().max(TEXT_MAX_LENGTH).exactOptional(),
  litellm_call_id: text,
  startTime: number,
  endTime: number,
  status: z.enum(['success', 'failure']).exactOptional(),
  response_cost: number,
  price_unknown: flag,
  cache_hit: flag,
  model: text,
  model_group: text,
  custom_llm_provider: text,
  prompt_tokens: number,
  completion_tokens: number,
  end_user: text,
  user_agent: text,
  request_tags: z.array(z.string().max(TEXT_MAX_LENGTH)).max(64).nullable().exactOptional(),
  metadata: z
    .strictObject({
      user_api_key_hash: text,
      user_api_key_alias: text,
      user_api_key_team_id: text,
      user_api_key_user_id: text,
      user_api_key_org_id: text,
      spend_logs_metadata: z.record(z.string().max(256), text).exactOptional(),
    })
    .exactOptional(),
});

/** RFC 7396, on the two levels that projections have. */
export function mergePatch(projection: Projection, patch: Readonly<Record<string, unknown>>): Projection {
  const merged: Record<string, unknown> = { ...projection };
  for (const [name, value] of Object.entries(patch)) {
    const before = merged[name];
    merged[name] = isRecord(value) ? mergePatch(isRecord(before) ? before : {}, value) : value;
  }
  return merged;
}
