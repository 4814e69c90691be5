import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.ts';

const least = {
  DATABASE_URL: 'postgres://u:secret-1@localhost/db',
  REDIS_URL: 'redis://localhost',
  INGEST_TOKENS: 'litellm:secret-2',
};

describe('ingest’s environment', () => {
  it('needs the stores and a token', () => {
    expect(parseConfig(least)).toMatchObject({ host: '127.0.0.1', port: 4100, kafka: null, lanes: 4 });
  });

  it('gives a batch’s statements the time that the batch has', () => {
    expect(parseConfig({ ...least, LEDGER_DEADLINE_MS: '4000' }).ledger).toMatchObject({
      statementTimeoutMs: 3_500,
      answerTimeoutMs: 4_000,
    });
    expect(parseConfig({ ...least, LEDGER_DEADLINE_MS: '200' }).ledger.answerTimeoutMs).toBe(1_000);
  });

  it('names every bad variable at once, never its value', () => {
    const read = () =>
      parseConfig({ PORT: 'x-1', LOG_LEVEL: 'x-2', INGEST_LANES: 'x-3', DATABASE_URL: 'x-4' });
    expect(read).toThrow(/PORT[\s\S]*LOG_LEVEL[\s\S]*DATABASE_URL[\s\S]*REDIS_URL[\s\S]*INGEST_LANES/u);
    expect(read).not.toThrow(/x-\d/u);
  });

  it('names missing tokens and half of SASL together with bad variables', () => {
    const env = { PORT: 'x-1', KAFKA_SASL_USERNAME: 'x-2', READ_TOKENS: 'short-x-3' };
    expect(() => parseConfig(env)).toThrow(
      /PORT[\s\S]*DATABASE_URL[\s\S]*READ_TOKENS, entry 1[\s\S]*KAFKA_SASL_PASSWORD: set all three/u,
    );
    expect(() => parseConfig(env)).not.toThrow(/x-\d/u);
    expect(() => parseConfig({ PORT: '0' })).toThrow(/DATABASE_URL[\s\S]*set INGEST_TOKENS/u);
  });

  it('refuses to start without a token that may send events', () => {
    expect(() => parseConfig({ ...least, INGEST_TOKENS: '' })).toThrow('INGEST_TOKENS');
    expect(parseConfig({ ...least, INGEST_TOKENS: '', AUTH: 'off' }).tokens.required).toBe(false);
  });

  it('reads Kafka’s settings', () => {
    const kafka = { KAFKA_BROKERS: 'a:9092, b:9092', KAFKA_SSL: 'on' };
    const sasl = {
      KAFKA_SASL_USERNAME: 'u',
      KAFKA_SASL_PASSWORD: 'p',
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
    };
    expect(parseConfig({ ...least, ...kafka, ...sasl }).kafka).toEqual({
      brokers: ['a:9092', 'b:9092'],
      ssl: true,
      sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p' },
      topic: 'litellm.spend',
      groupId: 'spendgate-ingest',
      topicPartitions: 12,
      topicReplication: 1,
    });
    expect(() => parseConfig({ ...least, ...kafka, KAFKA_SASL_USERNAME: 'u' })).toThrow('all three or none');
  });
});
