import type { Logger } from '@spendgate/observability';
import { logLevel } from 'kafkajs';
import type { logCreator } from 'kafkajs';

/** Answers with an error code and lost connections: kafkajs repeats the request and reports it as an error. */
const RETRIED =
  /^(?:Response |Connection (?:error|timeout|closed)|Failed to connect|\[Connection\]|Request )/u;

/**
 * kafkajs' log through ours. What it calls an error is at most a warning here: it repeats such requests
 * itself, and what it gives up reaches our code as an exception, which is logged where it is handled.
 */
export function createKafkaLog(logger: Logger): logCreator {
  return () =>
    ({ namespace, level, log }) => {
      const record = { part: namespace, topic: log.topic, partition: log.partition, groupId: log.groupId };
      switch (level) {
        case logLevel.ERROR:
          if (RETRIED.test(log.message)) logger.debug(record, log.message);
          else logger.warn(record, log.message);
          break;
        case logLevel.WARN:
          logger.info(record, log.message);
          break;
        case logLevel.INFO:
        case logLevel.DEBUG:
          logger.debug(record, log.message);
          break;
        case logLevel.NOTHING:
          break;
      }
    };
}
