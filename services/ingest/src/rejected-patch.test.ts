import { describe, expect, it } from 'vitest';
import { mergePatch, projectionPatch } from './rejected-patch.ts';

describe('repairing a projection', () => {
  it('replaces what is given and leaves the rest', () => {
    const projection = {
      id: 'a',
      end_user: 'x',
      metadata: { user_api_key_hash: 'k', user_api_key_team_id: 't' },
    };
    const patch = { end_user: null, metadata: { user_api_key_team_id: 'u' } };
    expect(mergePatch(projection, patch)).toEqual({
      id: 'a',
      end_user: null,
      metadata: { user_api_key_hash: 'k', user_api_key_team_id: 'u' },
    });
  });

  it.each([{ messages: 'x' }, { metadata: { headers: {} } }, { response_cost: 'x' }, { status: null }])(
    'takes only fields that a projection has: %j',
    (patch) => {
      expect(projectionPatch.safeParse(patch).success).toBe(false);
    },
  );
});
