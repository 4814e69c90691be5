import { describe, expect, it } from 'vitest';
import { stopKafkaIdleTimer } from './kafka-idle-timer.ts';

describe('stopKafkaIdleTimer', () => {
  it('finds the method that it replaces in the kafkajs installed here', () => {
    expect(stopKafkaIdleTimer()).toBe(true);
    expect(stopKafkaIdleTimer()).toBe(true);
  });
});
