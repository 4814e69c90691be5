/** A record to append. Records of one key keep their order and go to one reader at a time. */
export interface StreamRecord {
  readonly key: string | null;
  readonly value: string;
}

/** Appends to a durable log of events. */
export interface EventAppender {
  /** Resolves once every record is on all in-sync replicas. @throws EventStreamUnavailable in time */
  append(records: readonly StreamRecord[]): Promise<void>;
}

export interface StreamMessage {
  readonly offset: string;
  /** Null for a tombstone. */
  readonly value: Buffer | null;
  /** The stream's own time of receipt; NaN when it has none. */
  readonly timestampMs: number;
}

/** What one partition delivers at once. Offsets are committed by the reader, after the ledger's commit. */
export interface StreamBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly StreamMessage[];
  /** Marks everything up to and with this offset as done. Throws when the group would not have it. */
  commit(offset: string): Promise<void>;
  /** Keeps the membership during slow work. Throws when the group is being rearranged. */
  heartbeat(): Promise<void>;
  /** True once the batch need not go on: the reader stops, or its place in the stream has moved. */
  isOver(): boolean;
}

/** Reads the stream as a member of a group, from its beginning where the group has no place yet. */
export interface EventSubscription {
  /** Begins to read and goes on, through losses of the connection, until `stop`. */
  start(handle: (batch: StreamBatch) => Promise<void>): void;
  isJoined(): boolean;
  /** Places in the stream that cannot be read and hold up what stands behind them, with the reason. */
  unreadable(): readonly string[];
  /** Messages that the group has not committed yet, over all partitions; undefined while unknown. */
  lag(): number | undefined;
  /** Waits for batches in work. */
  stop(): Promise<void>;
}

export interface EventStream {
  readonly events: EventAppender;
  /** What could not be parsed, for people to look at; the same stands in `rejected_events`. */
  readonly deadLetters: EventAppender;
  readonly subscription: EventSubscription;
  close(): Promise<void>;
}
