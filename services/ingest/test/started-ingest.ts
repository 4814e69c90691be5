import { encodeRules } from '@spendgate/config';
import type { PublishedRules } from '@spendgate/domain';
import { connectLedger } from '@spendgate/ledger';
import { createLogger } from '@spendgate/observability';
import { closeGracefully, listen } from '@spendgate/runtime';
import { publishedRules } from '@spendgate/testkit';
import type { TestDatabase } from '@spendgate/testkit';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { connectPorts, createIngest, parseConfig } from '@spendgate/ingest';
import type { IngestPorts } from '@spendgate/ingest';

export const TOKENS = { ingest: 'ingest-token-1', read: 'read-token-1', admin: 'admin-token-1' };

export const answerSchema = z.strictObject({
  accepted: z.int(),
  duplicates: z.int(),
  rejected: z.int(),
  rejections: z.array(z.strictObject({ index: z.int(), id: z.string().nullable(), reason: z.string() })),
});

export interface IngestOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly wrap?: (ports: IngestPorts) => IngestPorts;
}

export interface StartedIngest {
  readonly url: string;
  /** Posts a body as it is. */
  send(body: string | Buffer, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Posts events as JSON and reads the answer. */
  post(events: unknown): Promise<z.output<typeof answerSchema>>;
  /** Calls another route as admin. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
  stop(): Promise<void>;
}

/** Ingest as `main.ts` composes it, in this process, on a free port. */
export async function startIngest(
  stores: { readonly databaseUrl: string; readonly redisUrl: string },
  options: IngestOptions = {},
): Promise<StartedIngest> {
  const config = parseConfig({
    PORT: '0',
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    INGEST_TOKENS: `litellm:${TOKENS.ingest}`,
    READ_TOKENS: `reader:${TOKENS.read}`,
    ADMIN_TOKENS: `ops:${TOKENS.admin}`,
    ...options.env,
  });
  const logger = createLogger({ service: 'ingest', level: 'fatal' });
  const connected = await connectPorts(config, logger);
  const ports = options.wrap?.(connected) ?? connected;
  const ingest = await createIngest({ config, ports, logger });
  await listen(ingest.server, config);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await closeGracefully(ingest.server);
      await ingest.close();
      await connected.close();
    })();
    return stopping;
  };
  onTestFinished(stop);
  const address = ingest.server.server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  return { url, ...clientOf(url), stop };
}

function clientOf(url: string): Pick<StartedIngest, 'send' | 'post' | 'call'> {
  const send: StartedIngest['send'] = (body, headers = {}) =>
    fetch(`${url}/v1/events`, {
      method: 'POST',
      body: typeof body === 'string' ? body : new Uint8Array(body),
      headers: {
        authorization: `Bearer ${TOKENS.ingest}`,
        'content-type': 'application/json',
        ...headers,
      },
    });
  return {
    send,
    post: async (events) => {
      const response = await send(JSON.stringify(events));
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
      return answerSchema.parse(await response.json());
    },
    call: async (method, path, body) => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${TOKENS.admin}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    },
  };
}

/** Publishes rules as the jobs service does. */
export async function publish(databaseUrl: string, overrides: Partial<PublishedRules> = {}): Promise<void> {
  const ledger = await connectLedger({
    databaseUrl,
    applicationName: 'ingest-test',
    maxConnections: 1,
    statementTimeoutMs: 5_000,
  });
  try {
    const before = await ledger.rules.find();
    await ledger.rules.publish({
      expected: before?.version ?? 0,
      toText: (version) => encodeRules({ ...publishedRules(overrides), version }),
    });
  } finally {
    await ledger.close();
  }
}

const sumRow = z.object({ subject: z.string(), spent: z.string() });

/** What the counters table says each subject spent, stripes added up. */
export async function spentBySubject(database: TestDatabase): Promise<Readonly<Record<string, bigint>>> {
  const { rows } = await database.pool.query(
    'SELECT subject, sum(spent_nano_usd)::text AS spent FROM spendgate.counters GROUP BY subject',
  );
  return Object.fromEntries(
    z
      .array(sumRow)
      .parse(rows)
      .map(({ subject, spent }) => [subject, BigInt(spent)]),
  );
}

const ledgerRow = z.object({ rows: z.string(), cost: z.string() });

/** How many rows the ledger has, and what they cost together. */
export async function ledgerSums(database: TestDatabase): Promise<{ rows: number; cost: bigint }> {
  const { rows } = await database.pool.query(
    'SELECT count(*)::text AS rows, coalesce(sum(cost_nano_usd), 0)::text AS cost FROM spendgate.spend_events',
  );
  const [sums] = z.tuple([ledgerRow]).parse(rows);
  return { rows: Number(sums.rows), cost: BigInt(sums.cost) };
}
