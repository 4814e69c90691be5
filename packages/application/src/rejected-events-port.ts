/** A projected event as JSON; never holds content, tokens or NUL. */
export type Projection = Readonly<Record<string, unknown>>;

export interface Rejection {
  readonly eventId: string | null;
  /** A stable word: `not_json`, `invalid`, `id_conflict`, `refused_by_ledger`. */
  readonly reason: string;
  /** What was wrong, naming the field and the rule, never quoting content. */
  readonly detail: string;
  readonly projection: Projection | null;
  readonly source: 'http' | 'kafka';
  /** `topic/partition/offset` for Kafka. */
  readonly sourceOffset: string | null;
  readonly receivedAt: Date;
  /**
   * Tells rejections without an event id apart: a digest of what was sent, never any of it. Part of what makes a
   * rejection the same one, and not stored itself; without it the source's offset takes its place.
   */
  readonly identity?: string | null;
}

export type RejectedState = 'open' | 'replayed' | 'dismissed';

export interface RejectedEvent extends Rejection {
  readonly id: string;
  readonly state: RejectedState;
  readonly changedBy: string | null;
  readonly changedAt: Date | null;
}

/** Events that were refused, kept until someone fixes and replays or dismisses them. */
export interface RejectedEvents {
  /**
   * Parking the same rejection again (same id, reason and projection; same identity where it has no id) adds no
   * row, and opens one again that was dismissed: what was dismissed as settled has come back.
   */
  park(rejections: readonly Rejection[]): Promise<void>;
  list(of: {
    readonly state: RejectedState | null;
    readonly after: string | null;
    readonly limit: number;
  }): Promise<readonly RejectedEvent[]>;
  find(id: string): Promise<RejectedEvent | undefined>;
  /** Undefined when there is no such rejection, or it was replayed: that one stands in the ledger and is final. */
  update(of: {
    readonly id: string;
    readonly projection?: Projection;
    readonly state?: RejectedState;
    readonly by: string;
  }): Promise<RejectedEvent | undefined>;
  /** Counted up to a bound of 100,000, which says "far too many". */
  countOpen(): Promise<number>;
}

/** A success whose cost is unknown, as it stands in the ledger; `pricedNanoUsd` null until priced. */
export interface UnpricedEvent {
  readonly id: string;
  readonly startedAt: Date;
  readonly base: string | null;
  readonly identity: string | null;
  readonly category: string | null;
  readonly keyHash: string | null;
  readonly teamId: string | null;
  readonly userId: string | null;
  readonly modelGroup: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly pricedNanoUsd: bigint | null;
}

export interface UnpricedEvents {
  list(of: { readonly after: string | null; readonly limit: number }): Promise<readonly UnpricedEvent[]>;
  find(id: string): Promise<UnpricedEvent | undefined>;
  countOpen(): Promise<number>;
}
