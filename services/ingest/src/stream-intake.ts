import type { RulesInForce } from '@spendgate/application';
import { customerOf } from './customer-of.ts';
import { toEventRecord, toRejectionRecord } from './envelope.ts';
import type { EventAppender } from './event-stream.ts';
import type { IngestMetrics } from './ingest-metrics.ts';
import { sortReadings, toRejectionReply } from './intake.ts';
import type { Intake } from './intake.ts';

export interface StreamIntakePorts {
  readonly rules: RulesInForce;
  readonly events: EventAppender;
  readonly metrics: IngestMetrics;
}

/**
 * Intake with Kafka: durable means on all in-sync replicas, the refused events as well, which the reader
 * parks. Duplicates and id conflicts are found by the reader, so the answer counts none.
 */
export function createStreamIntake(ports: StreamIntakePorts): Intake {
  return {
    take: async ({ readings }) => {
      const rules = ports.rules.current();
      const { good, bad } = sortReadings(readings);
      const records = [
        ...good.map(({ reading }) => ({
          key: customerOf(rules, reading.event),
          value: toEventRecord(reading.projection),
        })),
        ...bad.map(({ reading }) => ({ key: null, value: toRejectionRecord(reading) })),
      ];
      const stopTimer = ports.metrics.produceDuration.startTimer();
      await ports.events.append(records);
      stopTimer();
      ports.metrics.countProduced(good.length);
      return {
        accepted: good.length,
        duplicates: 0,
        rejected: bad.length,
        rejections: bad.map(toRejectionReply),
      };
    },
  };
}
