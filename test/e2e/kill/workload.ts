import { randomUUID } from 'node:crypto';
import { restamp, sampleEvent, waitFor } from '@spendgate/testkit';
import type { Payload } from '@spendgate/testkit';
import { z } from 'zod';
import { administrate, sendEvents } from '../stack/client.ts';
import type { Stores } from '../stack/stores.ts';
import { missingFromLedger } from '../stack/sums.ts';
import type { Topic } from '../stack/topic.ts';

/** Something a client does until it succeeds; repeating it must be harmless. */
export type Operation = (ingest: { readonly url: string }) => Promise<void>;

/** What was asked of ingest so far, over all rounds. */
export interface Workload {
  /** The next round's operations, in order. */
  nextRound(): readonly Operation[];
  /** Events that ingest answered 200 for: taken, or refused and kept. */
  readonly acknowledged: { readonly taken: ReadonlySet<string>; readonly refused: ReadonlySet<string> };
  /** Events that belong in the ledger once everything is done. */
  readonly expected: ReadonlySet<string>;
  /** Events that belong in `rejected_events`, once each. */
  readonly rejected: ReadonlySet<string>;
  /** What was no JSON at all, and belongs there once each too, without an id. */
  garbage(): number;
}

const GOOD = [
  'event-success-plain-cheap',
  'event-success-plain-premium',
  'event-success-premium-identity-with-key-alias',
  'event-success-no-end-user',
  'event-success-cache-hit',
  'event-failure-connection',
  'event-success-stream-cheap',
] as const;
/** Dollars with nine decimals, so that a float's noise would show. */
const COST_USD = 0.000_123_457;
const CUSTOMERS = ['ann@company.com', 'bob@company.com', 'eve@company.com_codemie_cli'] as const;

/**
 * Batches with all sorts of events: good ones of several subjects, repetitions, broken ones, some without a price.
 * Without Kafka the operator's repairs follow: a price, a patch and a replay.
 */
export function createWorkload(of: { readonly stores: Stores; readonly topic?: Topic }): Workload {
  const acknowledged = { taken: new Set<string>(), refused: new Set<string>() };
  const expected = new Set<string>();
  const rejected = new Set<string>();
  let round = 0;
  let garbage = 0;
  let previous: readonly Payload[] = [];

  const send =
    (payloads: readonly Payload[]): Operation =>
    async (ingest) => {
      await sendEvents(ingest, payloads);
      for (const payload of payloads) {
        const id = idOf(payload);
        (rejected.has(id) ? acknowledged.refused : acknowledged.taken).add(id);
      }
    };

  return {
    acknowledged,
    expected,
    rejected,
    garbage: () => garbage,
    nextRound: () => {
      round += 1;
      const good = goodEvents(round);
      const unpriced = stamped('event-success-plain-cheap', { costUsd: null });
      const broken = { ...stamped('event-success-plain-cheap', { costUsd: COST_USD }), prompt_tokens: -1 };
      for (const { id } of [...good, unpriced]) expected.add(String(id));
      rejected.add(idOf(broken));
      const batches = [
        send([...good.slice(0, 4), broken, ...previous.slice(0, 2)]),
        send([...good.slice(2), unpriced]),
      ];
      previous = good;
      if (of.topic !== undefined) {
        return [
          ...batches,
          foreign(of.topic, { expected, rejected, onGarbage: () => (garbage += 1) }),
          recorded(of.stores, expected),
        ];
      }
      expected.add(idOf(broken));
      return [...batches, price(idOf(unpriced)), repair(idOf(broken))];
    },
  };
}

function goodEvents(round: number): readonly Payload[] {
  return GOOD.map((name, index) =>
    stamped(name, {
      endUser: name.includes('no-end-user') ? null : (CUSTOMERS[(round + index) % CUSTOMERS.length] ?? null),
      costUsd: /failure|cache-hit/u.test(name) ? 0 : COST_USD * (round + index),
    }),
  );
}

function stamped(
  name: string,
  of: { readonly endUser?: string | null; readonly costUsd: number | null },
): Payload {
  const endUser = of.endUser === undefined ? CUSTOMERS[0] : of.endUser;
  return restamp(sampleEvent(name), { startedAt: new Date(), endUser, costUsd: of.costUsd });
}

function idOf(payload: Payload): string {
  return String(payload['id']);
}

function price(id: string): Operation {
  return async (ingest) => {
    const body = { cost_usd: COST_USD * 3 };
    await administrate(ingest, { method: 'POST', path: `/v1/events/${encodeURIComponent(id)}/price`, body });
  };
}

const rejectedList = z.object({
  items: z.array(z.object({ id: z.string(), event_id: z.string().nullable(), state: z.string() })),
});

/** Mends a refused event and replays it, from wherever an earlier try has left it. */
function repair(eventId: string): Operation {
  return async (ingest) => {
    const { items } = rejectedList.parse(
      await administrate(ingest, { path: '/v1/rejected-events?limit=1000' }),
    );
    const found = items.find((item) => item.event_id === eventId);
    if (found === undefined) throw new Error(`${eventId} is not among the rejected events`);
    if (found.state === 'replayed') return;
    const path = `/v1/rejected-events/${found.id}`;
    await administrate(ingest, { method: 'PATCH', path, body: { projection: { prompt_tokens: 1 } } });
    await administrate(ingest, { method: 'POST', path: `${path}/replay` });
  };
}

/** What another producer writes to the topic: a bare payload, a payload that is refused, and no JSON at all. */
function foreign(
  topic: Topic,
  of: {
    readonly expected: Set<string>;
    readonly rejected: Set<string>;
    readonly onGarbage: () => void;
  },
): Operation {
  const bare = stamped('event-success-stream-cheap', { costUsd: COST_USD });
  const broken = { ...stamped('event-success-plain-cheap', { costUsd: COST_USD }), startTime: 'yesterday' };
  of.expected.add(idOf(bare));
  of.rejected.add(idOf(broken));
  return async () => {
    await topic.produce([JSON.stringify(bare), JSON.stringify(broken), `no json ${randomUUID()}`]);
    of.onGarbage();
  };
}

const RECORDED_TIMEOUT_MS = 250;

/** The reader's part of the work, waited for so that the next round's batches are batches of their own. */
function recorded(stores: Stores, expected: ReadonlySet<string>): Operation {
  return async () => {
    await waitFor(async () => (await missingFromLedger(stores, expected)).length === 0, {
      what: 'the events to be recorded',
      timeoutMs: RECORDED_TIMEOUT_MS,
    });
  };
}
