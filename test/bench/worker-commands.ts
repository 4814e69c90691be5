import { z } from 'zod';

const eventMix = z.object({ customers: z.int(), prefix: z.string(), startedAt: z.number() });

/** What the workers are told, and what they answer. */
export const connectEventsCommand = z.object({ url: z.string(), token: z.string(), connections: z.int() });
export const bodiesCommand = z.object({ mix: eventMix, events: z.int(), batch: z.int() });
export const connectFloorInsertCommand = z.object({ databaseUrl: z.string(), sourceUrl: z.string() });
export const connectKafkaCommand = z.object({
  brokers: z.array(z.string()),
  topic: z.string(),
  groupId: z.string(),
});
export const connectChecksCommand = z.object({
  url: z.string(),
  path: z.string(),
  token: z.string(),
  connections: z.int(),
  customers: z.int(),
  model: z.string(),
});
/** The reads of a check of one customer; for another one its name is put in place of the first one's. */
export const listenFloorCommand = z.object({
  redisUrl: z.string(),
  firstCustomer: z.string(),
  stateKey: z.string(),
  subjects: z.array(z.object({ key: z.string(), fields: z.array(z.string()), budgetId: z.string() })),
});
/** `perSecond` null sends the next request of a connection as soon as the last one is answered. */
export const paceCommand = z.object({ perSecond: z.number().nullable() });
export const checksCommand = z.object({ checks: z.int(), perSecond: z.number().nullable() });

export const nothing = z.unknown();
export const measuredReply = z.object({
  operations: z.int(),
  wallMs: z.number(),
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
});
export type MeasuredReply = z.infer<typeof measuredReply>;
export const urlReply = z.object({ url: z.string() });
