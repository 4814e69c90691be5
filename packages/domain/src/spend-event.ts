import type { BudgetCategory } from './budget.ts';
import type { NanoUsd } from './money.ts';
import type { SubjectKey } from './subject.ts';

/** One finished LLM call, validated and reduced to what Spendgate keeps. */
export interface SpendEvent {
  /** LiteLLM's event id, never its call id; at most 512 characters, longer ones as `sha256:<hex>`. */
  readonly id: string;
  /** `litellm_call_id`: shared by a failed attempt and its fallback. */
  readonly callId: string | null;
  /** When the call began; decides the period. The time of receipt when `clockAhead`. */
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** The reported start lay more than five minutes ahead of the receipt. */
  readonly clockAhead: boolean;
  readonly status: 'success' | 'failure';
  /** 0 for failures, cache hits and unpriced calls. */
  readonly costNanoUsd: NanoUsd;
  /** A success whose cost is unknown. */
  readonly unpriced: boolean;
  readonly cacheHit: boolean;
  /** As LiteLLM sent it; null when blank or "-". */
  readonly endUser: string | null;
  /** The key's hash, or LiteLLM's name for its master key. */
  readonly keyHash: string | null;
  readonly keyAlias: string | null;
  readonly teamId: string | null;
  /** LiteLLM's internal user. */
  readonly userId: string | null;
  readonly organisationId: string | null;
  /** The public model name; null when LiteLLM knew none. */
  readonly modelGroup: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly userAgent: string | null;
  readonly requestTags: readonly string[];
  /** The metadata entries that METADATA_KEYS names. */
  readonly metadata: Readonly<Record<string, string>>;
  /** 64 bits over the reported start, cost and customer: tells a duplicate from an id conflict. */
  readonly fingerprint: bigint;
}

/** An event's cost on one subject, in the period the call began in. */
export interface Charge {
  readonly subject: SubjectKey;
  readonly period: string;
  /** The end of that period; null when it never ends. */
  readonly periodEnd: Date | null;
}

/** An event with whom it is charged to. Events that cost nothing have no charges. */
export interface AttributedEvent {
  readonly event: SpendEvent;
  readonly base: string | null;
  readonly identity: string | null;
  readonly category: BudgetCategory | null;
  readonly charges: readonly Charge[];
}
