import { publishedRules, spendEvent } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import type { EventOutcome } from './ledger-port.ts';
import type { RejectedEvent, RejectedState } from './rejected-events-port.ts';
import { replayRejected } from './replay-rejected.ts';
import type { ProjectionReading, ReplayPorts } from './replay-rejected.ts';

const rejected: RejectedEvent = {
  id: '7',
  eventId: 'chatcmpl-1',
  reason: 'invalid',
  detail: 'response_cost: not a number',
  projection: { id: 'chatcmpl-1' },
  source: 'http',
  sourceOffset: null,
  receivedAt: new Date('2026-11-22T10:00:00Z'),
  state: 'open',
  changedBy: null,
  changedAt: null,
};

function createWorld(
  of: {
    state?: RejectedState;
    outcome?: EventOutcome;
    reading?: ProjectionReading;
    replayedMeanwhile?: boolean;
  } = {},
) {
  let state: RejectedState = of.state ?? 'open';
  const rules = publishedRules();
  const event = spendEvent({ id: 'chatcmpl-1' });
  const ports: ReplayPorts = {
    rules: { current: () => rules, refresh: async () => rules },
    ledger: {
      record: async () => {
        if (of.replayedMeanwhile === true) state = 'replayed';
        return { epoch: 1, outcomes: [of.outcome ?? 'recorded'], counters: [] };
      },
    },
    copy: { put: async () => undefined },
    rejected: {
      find: async (id) => (id === rejected.id ? { ...rejected, state } : undefined),
      update: async (change) => {
        if (state === 'replayed') return undefined;
        state = change.state ?? state;
        return { ...rejected, state, changedBy: change.by };
      },
    },
    readProjection: () => of.reading ?? { ok: true, event },
    clock: { nowMs: () => 0, wait: async () => undefined },
    onPushOwed: () => undefined,
    onRefused: () => undefined,
  };
  return { ports, state: () => state };
}

const replay = { id: '7', by: 'ops', stripe: 0, deadlineAtMs: 1_000 };

describe('replayRejected', () => {
  it('records the event and closes the rejection', async () => {
    const { ports, state } = createWorld();
    expect(await replayRejected(ports, replay)).toMatchObject({
      outcome: 'recorded',
      rejected: { state: 'replayed', changedBy: 'ops' },
    });
    expect(state()).toBe('replayed');
  });

  it('closes the rejection when an earlier replay recorded the event and then crashed', async () => {
    const { ports, state } = createWorld({ outcome: 'duplicate' });
    expect(await replayRejected(ports, replay)).toMatchObject({ outcome: 'duplicate' });
    expect(state()).toBe('replayed');
  });

  it.each([
    [{ reading: { ok: false, detail: 'startTime: missing' } as const }, 'invalid'],
    [{ outcome: 'id_conflict' as const }, 'id_conflict'],
  ])('leaves it open when it is refused again (%#)', async (of, reason) => {
    const { ports, state } = createWorld(of);
    expect(await replayRejected(ports, replay)).toMatchObject({ outcome: 'refused', reason });
    expect(state()).toBe('open');
  });

  it('shows the rejection as closed when another replay closed it first', async () => {
    const { ports } = createWorld({ outcome: 'duplicate', replayedMeanwhile: true });
    expect(await replayRejected(ports, replay)).toMatchObject({
      outcome: 'duplicate',
      rejected: { state: 'replayed' },
    });
  });

  it('does not replay what was dismissed', async () => {
    const { ports } = createWorld({ state: 'dismissed' });
    expect(await replayRejected(ports, replay)).toEqual({ outcome: 'dismissed' });
  });

  it('says when there is no such rejection', async () => {
    expect(await replayRejected(createWorld().ports, { ...replay, id: '8' })).toEqual({
      outcome: 'not_found',
    });
  });
});
