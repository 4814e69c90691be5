import { randomUUID } from 'node:crypto';
import { attribute } from '@spendgate/domain';
import type { AttributedEvent } from '@spendgate/domain';
import { connectLedger } from '@spendgate/ledger';
import type { LedgerConnection } from '@spendgate/ledger';
import { z } from 'zod';
import { createBenchRules } from './bench-rules.ts';
import { serveCommands } from './serve-commands.ts';

const BATCH = 500;
const connectCommand = z.object({ databaseUrl: z.string(), at: z.number() });
const prepareCommand = z.object({ events: z.int() });

let connection: LedgerConnection | undefined;
let at = new Date(0);
let batches: readonly (readonly AttributedEvent[])[] = [];

// Records attributed events through the ledger's port, batch after batch.
serveCommands({
  connect: async (payload) => {
    const of = connectCommand.parse(payload);
    at = new Date(of.at);
    connection = await connectLedger({
      databaseUrl: of.databaseUrl,
      applicationName: 'spendgate-bench',
      maxConnections: 2,
      statementTimeoutMs: 60_000,
    });
  },
  prepare: async (payload) => {
    const of = prepareCommand.parse(payload);
    const rules = createBenchRules(at);
    const events = Array.from({ length: of.events }, (_, index) => attribute(rules, eventAt(index)));
    batches = Array.from({ length: Math.ceil(of.events / BATCH) }, (_, index) =>
      events.slice(index * BATCH, (index + 1) * BATCH),
    );
    return Promise.resolve();
  },
  run: async () => {
    if (connection === undefined) throw new Error('connect first');
    const startedMs = performance.now();
    let operations = 0;
    for (const events of batches) {
      const result = await connection.ledger.record({ rulesVersion: 1, stripe: 0, events });
      operations += result.outcomes.filter((outcome) => outcome === 'recorded').length;
    }
    if (operations !== batches.flat().length) throw new Error(`${operations} events were recorded`);
    return { operations, wallMs: performance.now() - startedMs, p50Ms: null, p99Ms: null };
  },
});

function eventAt(index: number): Parameters<typeof attribute>[1] {
  const key = index % 50;
  return {
    id: `chatcmpl-${randomUUID()}`,
    callId: randomUUID(),
    startedAt: at,
    endedAt: new Date(at.getTime() + 1_500),
    clockAhead: false,
    status: 'success',
    costNanoUsd: 13_500n,
    unpriced: false,
    cacheHit: false,
    endUser: `customer-${index % 200}@company.com`,
    keyHash: `${key}`.padStart(64, 'a'),
    keyAlias: `key-${key}`,
    teamId: `team-${key % 10}`,
    userId: `user-${key % 25}`,
    organisationId: null,
    modelGroup: index % 4 === 0 ? 'claude-opus-4' : 'gpt-4o-mini',
    model: index % 4 === 0 ? 'anthropic/claude-opus-4-5' : 'openai/gpt-4o-mini',
    provider: 'openai',
    promptTokens: 10,
    completionTokens: 20,
    userAgent: 'curl/7.88.1',
    requestTags: ['User-Agent: curl', 'User-Agent: curl/7.88.1'],
    metadata: {},
    fingerprint: BigInt(index),
  };
}
