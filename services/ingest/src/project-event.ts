import { hash } from 'node:crypto';
import { keyHash, withoutSecretKey } from '@spendgate/application';
import type { Projection } from '@spendgate/application';

/** Longest id kept as it is; a longer one is kept as `sha256:<hex>` of it. */
export const ID_MAX_LENGTH = 512;
/** Longest text of a projection. Texts that only inform are cut at their own, shorter lengths. */
const TEXT_MAX_LENGTH = 1_024;
const USER_AGENT_MAX_LENGTH = 512;
const LABEL_MAX_LENGTH = 256;
const TAGS_MAX = 64;

/** Reasons of LiteLLM's `zero_cost_diagnostic` by which a price of 0 would be known to be right. */
const KNOWN_FREE = /free|explicit/iu;

/**
 * Picks from a LiteLLM payload exactly the fields that Spendgate keeps, under LiteLLM's names, and
 * nothing else: no content, error text, header or unlisted metadata passes. Projecting a projection
 * gives the same again, so events from Kafka and repaired rejections are read by the same rule. Values
 * of a wrong type stay wrong (objects and lists come out empty), for the schema to name them.
 * `price_unknown` is our word: LiteLLM's diagnostics reduced to their verdict.
 */
export function projectEvent(payload: Readonly<Record<string, unknown>>, metadataKeys: readonly string[]) {
  const metadata = isRecord(payload.metadata) ? payload.metadata : NOTHING;
  return {
    id: projectId(payload.id),
    litellm_call_id: scalar(payload.litellm_call_id),
    startTime: scalar(payload.startTime),
    endTime: scalar(payload.endTime),
    status: scalar(payload.status),
    response_cost: scalar(payload.response_cost),
    price_unknown: isPriceUnknown(payload),
    cache_hit: scalar(payload.cache_hit),
    model: scalar(payload.model),
    model_group: scalar(payload.model_group),
    custom_llm_provider: scalar(payload.custom_llm_provider),
    prompt_tokens: scalar(payload.prompt_tokens ?? 0),
    completion_tokens: scalar(payload.completion_tokens ?? 0),
    end_user: scalar(payload.end_user ?? metadata.user_api_key_end_user_id),
    user_agent: cut(scalar(payload.user_agent ?? metadata.user_agent), USER_AGENT_MAX_LENGTH),
    request_tags: projectTags(payload.request_tags),
    metadata: {
      user_api_key_hash: mapText(scalar(metadata.user_api_key_hash), keyHash),
      user_api_key_alias: cut(
        mapText(scalar(metadata.user_api_key_alias), withoutSecretKey),
        LABEL_MAX_LENGTH,
      ),
      user_api_key_team_id: scalar(metadata.user_api_key_team_id),
      user_api_key_user_id: scalar(metadata.user_api_key_user_id),
      user_api_key_org_id: scalar(metadata.user_api_key_org_id),
      spend_logs_metadata: metadataKeys.length === 0 ? NOTHING : projectMetadata(metadata, metadataKeys),
    },
  };
}

/** A projection that any store takes: NUL and lone surrogates replaced by U+FFFD. For rejected events only. */
export function toStorable(projection: Projection): Projection {
  return Object.fromEntries(
    Object.entries(projection).map(([name, value]) => [name, toStorableValue(value)]),
  );
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NOTHING: Readonly<Record<string, never>> = Object.freeze({});

type Scalar = string | number | boolean | null | Readonly<Record<string, never>> | readonly never[];

/** The value itself where it is text, a finite number or a boolean; empty of its kind where it nests. */
function scalar(value: unknown): Scalar {
  if (typeof value === 'string') return cut(value, TEXT_MAX_LENGTH);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null) return null;
  return Array.isArray(value) ? [] : NOTHING;
}

/** Cuts between characters: half of a surrogate pair would make a sound text unsound. */
function cut<Value>(value: Value, maxLength: number): Value | string {
  if (typeof value !== 'string' || value.length <= maxLength) return value;
  const last = value.charCodeAt(maxLength - 1);
  return value.slice(0, last >= 0xd8_00 && last <= 0xdb_ff ? maxLength - 1 : maxLength);
}

function projectId(id: unknown): Scalar {
  return typeof id === 'string' && id.length > ID_MAX_LENGTH
    ? `sha256:${hash('sha256', id, 'hex')}`
    : scalar(id);
}

function mapText(value: Scalar, map: (text: string) => string): Scalar {
  return typeof value === 'string' ? map(value) : value;
}

function projectTags(tags: unknown): Scalar | readonly (Scalar | string)[] {
  if (!Array.isArray(tags)) return scalar(tags ?? []);
  return tags.slice(0, TAGS_MAX).map((tag) => cut(scalar(tag), LABEL_MAX_LENGTH));
}

function projectMetadata(
  metadata: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Readonly<Record<string, string>> {
  const sources = [
    metadata.spend_logs_metadata,
    metadata.requester_metadata,
    metadata.user_api_key_auth_metadata,
  ].filter(isRecord);
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = sources.map((source) => (Object.hasOwn(source, key) ? source[key] : null)).find(isPlain);
      return value === undefined ? [] : [[key, cut(String(value), LABEL_MAX_LENGTH)]];
    }),
  );
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/**
 * Whether LiteLLM says that it could not price the call. A diagnostic whose reason we do not know counts
 * as unknown: a cost of 0 must never stand in silence. (LiteLLM 1.106: reasons `missing_pricing_key`,
 * `pricing_not_applied`, `cost_calculation_error`; free models have no diagnostic.)
 */
function isPriceUnknown(payload: Readonly<Record<string, unknown>>): boolean {
  if (payload.price_unknown === true) return true;
  if (!isAbsent(payload.response_cost_failure_debug_info)) return true;
  const diagnostic = payload.zero_cost_diagnostic;
  if (isAbsent(diagnostic)) return false;
  const reason = isRecord(diagnostic) ? diagnostic.reason : diagnostic;
  return typeof reason !== 'string' || !KNOWN_FREE.test(reason);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === false;
}

function toStorableValue(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '\uFFFD');
  if (Array.isArray(value)) return value.map(toStorableValue);
  return isRecord(value) ? toStorable(value) : value;
}
