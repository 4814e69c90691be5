export { parseConfig } from './config.ts';
export type { IngestConfig } from './config.ts';
export { connectPorts } from './connect-ports.ts';
export type { ConnectedPorts } from './connect-ports.ts';
export { createIngest } from './create-ingest.ts';
export type { Ingest } from './create-ingest.ts';
export type { IngestPorts } from './ingest-ports.ts';
export type {
  EventAppender,
  EventStream,
  EventSubscription,
  StreamBatch,
  StreamMessage,
  StreamRecord,
} from './event-stream.ts';
