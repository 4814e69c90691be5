import { setTimeout as sleep } from 'node:timers/promises';
import { connectLedger } from '@spendgate/ledger';
import type { Logger } from '@spendgate/observability';
import type { IngestConfig } from './config.ts';
import { connectCounterPush } from './counter-push.ts';
import type { IngestPorts } from './ingest-ports.ts';
import { createKafkaStream } from './kafka-stream.ts';

export interface ConnectedPorts extends IngestPorts {
  /** Close what uses the ports first. */
  close(): Promise<void>;
}

/**
 * Opens the ports on the real stores. Redis and Kafka may be away: they are tried again and again.
 * @throws LedgerUnavailable, SchemaOutdated, RedisEvicts
 */
export async function connectPorts(config: IngestConfig, logger: Logger): Promise<ConnectedPorts> {
  const connection = await connectLedger(config.ledger);
  try {
    await connection.assertSchemaCurrent();
    const push = await connectCounterPush(config.redis, logger);
    const stream = config.kafka === null ? null : createKafkaStream(config.kafka, logger);
    return {
      ledger: connection.ledger,
      rules: connection.rules,
      rejected: connection.rejected,
      unpriced: connection.unpriced,
      copy: push,
      stream,
      clock: { nowMs: () => Date.now(), wait: async (durationMs) => sleep(durationMs) },
      health: { ledger: () => connection.assertSchemaCurrent(), redis: () => push.check() },
      close: async () => {
        await stream?.close();
        await push.close();
        await connection.close();
      },
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
