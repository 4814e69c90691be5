import type { RecordedOutcome, Rejection } from '@spendgate/application';
import { EventStreamUnavailable, InvariantBroken, LedgerUnavailable } from '@spendgate/domain';
import { createLogger, createMetrics } from '@spendgate/observability';
import { publishedRules, restamp, sampleEvent } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import { consumeBatch } from './consume-events.ts';
import type { ConsumePorts } from './consume-events.ts';
import type { EventToRecord } from './event-recorder.ts';
import type { StreamBatch, StreamRecord } from './event-stream.ts';
import { createIngestMetrics } from './ingest-metrics.ts';
import { createEventReader } from './read-event.ts';

const receivedMs = Date.parse('2026-11-22T12:00:00Z');

function createWorld() {
  const steps: string[] = [];
  const recorded: EventToRecord[] = [];
  const parked: Rejection[] = [];
  const deadLetters: StreamRecord[] = [];
  const ledgerFailure: Error = new LedgerUnavailable('away');
  const world = {
    ledgerFailures: 0,
    ledgerFailure,
    deadLetterFailures: 0,
    over: false,
    nowMs: receivedMs,
    steps,
  };
  const rules = publishedRules();
  const ports: ConsumePorts = {
    rules: { current: () => rules, refresh: async () => rules },
    reader: createEventReader({ metadataKeys: [], maxEventCostUsd: 10_000 }),
    recorder: {
      record: async (events): Promise<readonly RecordedOutcome[]> => {
        if (world.ledgerFailures-- > 0) throw world.ledgerFailure;
        recorded.push(...events);
        steps.push(`record ${events.length}`);
        return events.map(() => 'recorded');
      },
      waitingEvents: () => 0,
      drained: async () => undefined,
    },
    rejected: {
      park: async (rejections) => {
        parked.push(...rejections);
        steps.push(`park ${rejections.length}`);
      },
    },
    deadLetters: {
      append: async (records) => {
        if (world.deadLetterFailures-- > 0) throw new EventStreamUnavailable('away');
        deadLetters.push(...records);
      },
    },
    clock: {
      nowMs: () => world.nowMs,
      wait: async (durationMs) => {
        world.nowMs += durationMs;
        steps.push('wait');
      },
    },
    metrics: createIngestMetrics(createMetrics({ service: 'test' })),
    logger: createLogger({ service: 'test', level: 'fatal' }),
  };
  const batchOf = (values: readonly (Buffer | null)[], timestampMs = receivedMs): StreamBatch => ({
    topic: 'litellm.spend',
    partition: 3,
    messages: values.map((value, index) => ({ offset: String(100 + index), value, timestampMs })),
    commit: async (offset) => void steps.push(`commit ${offset}`),
    heartbeat: async () => undefined,
    isOver: () => world.over,
  });
  return { world, ports, steps, recorded, parked, deadLetters, batchOf };
}

const event = (changes: Record<string, unknown> = {}) =>
  Buffer.from(JSON.stringify({ ...restamp(sampleEvent('event-success-plain-cheap')), ...changes }));

describe('consumeBatch', () => {
  it('records, then commits the last offset', async () => {
    const { ports, steps, recorded, batchOf } = createWorld();
    await consumeBatch(ports, batchOf([event(), event()]));
    expect(steps).toEqual(['record 2', 'commit 101']);
    expect(recorded[1]).toMatchObject({ source: 'kafka', sourceOffset: 'litellm.spend/3/101' });
  });

  it('parks a poison message in both places and goes on', async () => {
    const { ports, steps, parked, deadLetters, batchOf } = createWorld();
    await consumeBatch(
      ports,
      batchOf([Buffer.from('hello'), event({ status: 'odd', messages: 'secret' }), null, event()]),
    );
    expect(steps.at(-1)).toBe('commit 103');
    expect(parked.map(({ reason, sourceOffset }) => [reason, sourceOffset])).toEqual([
      ['not_json', 'litellm.spend/3/100'],
      ['invalid', 'litellm.spend/3/101'],
      ['not_json', 'litellm.spend/3/102'],
    ]);
    expect(deadLetters).toHaveLength(3);
    expect(JSON.stringify(deadLetters)).not.toContain('secret');
    expect(JSON.stringify(deadLetters)).not.toContain('hello');
  });

  it('waits for the ledger without committing', async () => {
    const { world, ports, steps, batchOf } = createWorld();
    world.ledgerFailures = 3;
    await consumeBatch(ports, batchOf([event()]));
    expect(steps).toEqual(['wait', 'wait', 'wait', 'record 1', 'commit 100']);
  });

  it('leaves its dead letters once, however often the ledger fails', async () => {
    const { world, ports, deadLetters, batchOf } = createWorld();
    world.ledgerFailures = 3;
    await consumeBatch(ports, batchOf([Buffer.from('hello'), event()]));
    expect(deadLetters).toHaveLength(1);
  });

  it('waits without committing and parks nothing when the mistake is ours', async () => {
    const { world, ports, steps, parked, batchOf } = createWorld();
    world.ledgerFailures = 2;
    world.ledgerFailure = new InvariantBroken('PostgreSQL: 42P13');
    await consumeBatch(ports, batchOf([event()]));
    expect(steps).toEqual(['wait', 'wait', 'record 1', 'commit 100']);
    expect(parked).toEqual([]);
  });

  it('leaves a batch that was taken away uncommitted', async () => {
    const { world, ports, steps, batchOf } = createWorld();
    world.ledgerFailures = 1;
    world.over = true;
    await consumeBatch(ports, batchOf([event()]));
    expect(steps).toEqual([]);
  });

  it('does not stop the stream when dead letters cannot be appended', async () => {
    const { world, ports, steps, parked, batchOf } = createWorld();
    world.deadLetterFailures = 99;
    await consumeBatch(ports, batchOf([Buffer.from('hello')]));
    expect(parked).toHaveLength(1);
    expect(steps.at(-1)).toBe('commit 100');
  });

  it('commits a large batch part by part', async () => {
    const { ports, steps, batchOf } = createWorld();
    const one = event();
    await consumeBatch(ports, batchOf(Array.from({ length: 1_500 }, () => one)));
    expect(steps).toEqual(['record 1000', 'commit 1099', 'record 500', 'commit 1599']);
  });

  it('takes the stream’s time for the receipt where it can be true', async () => {
    const { ports, recorded, batchOf } = createWorld();
    await consumeBatch(ports, batchOf([event()], receivedMs - 5_000));
    await consumeBatch(ports, batchOf([event()], receivedMs + 3_600_000));
    await consumeBatch(ports, batchOf([event()], Number.NaN));
    expect(recorded.map(({ receivedAt }) => receivedAt.getTime())).toEqual([
      receivedMs - 5_000,
      receivedMs,
      receivedMs,
    ]);
  });
});
