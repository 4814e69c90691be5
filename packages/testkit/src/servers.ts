// What the demo and `npm start` need; unlike the index it does not load vitest.
export { findProgram } from './find-program.ts';
export { freePort, isPortFree } from './free-port.ts';
export { PINNED_NODE, REPOSITORY } from './repository.ts';
export { restamp, sampleEvent } from './sample-events.ts';
export type { Payload } from './sample-events.ts';
export { spawnServer } from './spawn-server.ts';
export type { ProcessEnd, ServerProcess } from './spawn-server.ts';
export { startKafka } from './start-kafka.ts';
export { startPostgres } from './start-postgres.ts';
export type { PostgresOptions, StartedServer } from './start-postgres.ts';
export { startRedis } from './start-redis.ts';
export type { RedisOptions } from './start-redis.ts';
export { startService } from './start-service.ts';
export type { RunningService, ServiceName, ServiceOptions } from './start-service.ts';
export { throwAwayFolder } from './throw-away-folder.ts';
export { waitFor } from './wait-for.ts';
