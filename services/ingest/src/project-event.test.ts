import { sampleEvents } from '@spendgate/testkit';
import { describe, expect, it } from 'vitest';
import { projectEvent, toStorable } from './project-event.ts';

const project = (payload: Record<string, unknown>, metadataKeys: readonly string[] = []) =>
  projectEvent(payload, metadataKeys);

describe('projectEvent', () => {
  it.each(sampleEvents().map(({ name, payload }) => [name, payload]))(
    'keeps the wanted of %s',
    (_name, payload) => {
      const projection = project({ ...payload });
      expect(projection.id).toBe(payload.id);
      expect(projection.response_cost).toBe(payload.response_cost);
      expect(projection.model_group).toBe(payload.model_group);
      expect(JSON.stringify(projection).length).toBeLessThan(1_200);
    },
  );

  it.each(sampleEvents().map(({ name, payload }) => [name, payload]))(
    'lets no content, error text or header of %s pass',
    (_name, payload) => {
      const kept = JSON.stringify(project({ ...payload }));
      for (const secret of [
        payload.messages,
        payload.response,
        payload.error_str,
        payload.error_information,
      ]) {
        for (const text of textsOf(secret)) expect(kept).not.toContain(text);
      }
      expect(kept).not.toContain('127.0.0.1');
      expect(kept).not.toContain('accept');
    },
  );

  it.each(sampleEvents().map(({ name, payload }) => [name, payload]))(
    'gives the same again for the projection of %s',
    (_name, payload) => {
      const once = project(
        { ...payload, metadata: { ...toRecord(payload.metadata), spend_logs_metadata: { a: 1 } } },
        ['a'],
      );
      expect(project(JSON.parse(JSON.stringify(once)), ['a'])).toEqual(once);
    },
  );

  it.each(['sk-1234', ' sk-1234\n', 'Bearer sk-1234'])('hashes a key that came as itself: %j', (key) => {
    const { metadata } = project({ metadata: { user_api_key_hash: key, user_api_key_alias: key } });
    expect(metadata.user_api_key_alias).toBe(metadata.user_api_key_hash);
    expect(metadata.user_api_key_hash).toBe(
      '88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b',
    );
    expect(JSON.stringify(metadata)).not.toContain('sk-1234');
  });

  it('keeps an id of 512 characters and hashes a longer one', () => {
    expect(project({ id: 'x'.repeat(512) }).id).toBe('x'.repeat(512));
    expect(project({ id: 'x'.repeat(513) }).id).toMatch(/^sha256:[0-9a-f]{64}$/u);
  });

  it('keeps only the metadata that is asked for, the trusted source first', () => {
    const metadata = {
      requester_metadata: {
        project: 'theirs',
        cost_centre: 7,
        secret: 'x',
        nested: { a: 1 },
        headers: { h: 1 },
      },
      spend_logs_metadata: { project: 'ours' },
    };
    const keys = ['project', 'cost_centre', 'nested', 'headers', 'missing', '__proto__'];
    expect(project({ metadata }, keys).metadata.spend_logs_metadata).toEqual({
      project: 'ours',
      cost_centre: '7',
    });
    expect(project({ metadata }).metadata.spend_logs_metadata).toEqual({});
  });

  it('keeps wrong values wrong without keeping what they hold', () => {
    const projection = project({
      id: { text: 'x' },
      end_user: ['x'],
      model: 5,
      metadata: 'x',
      request_tags: 'x',
    });
    expect(projection).toMatchObject({ id: {}, end_user: [], model: 5, request_tags: 'x' });
  });

  it('cuts what only informs, never in the middle of a character', () => {
    const { user_agent: userAgent } = project({ user_agent: `${'x'.repeat(511)}😀` });
    expect(userAgent).toBe('x'.repeat(511));
  });

  it.each([
    ['no diagnostic', {}, false],
    ['a failed calculation', { response_cost_failure_debug_info: { error_str: 'x' } }, true],
    ['a missing rate', { zero_cost_diagnostic: { reason: 'missing_pricing_key' } }, true],
    ['a reason of a later release', { zero_cost_diagnostic: { reason: 'something_new' } }, true],
    ['a free model', { zero_cost_diagnostic: { reason: 'free_model' } }, false],
    ['null', { response_cost_failure_debug_info: null, zero_cost_diagnostic: null }, false],
  ])('reduces diagnostics to their verdict: %s', (_what, payload, unknown) => {
    const projection = project(payload);
    expect(projection.price_unknown).toBe(unknown);
    expect(JSON.stringify(projection)).not.toContain('reason');
  });
});

describe('toStorable', () => {
  it('replaces what PostgreSQL cannot hold, at every depth', () => {
    expect(toStorable({ id: 'a\0b', tags: ['\uD800x'], metadata: { k: '\uDC00' }, n: 1 })).toEqual({
      id: 'a\uFFFDb',
      tags: ['\uFFFDx'],
      metadata: { k: '\uFFFD' },
      n: 1,
    });
  });
});

/** Prose, wherever it stands: ids and names of models occur in what is kept, too. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.includes(' ') ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

function toRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
