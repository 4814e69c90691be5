import { describe, expect, it } from 'vitest';
import { checkQuestion } from './check-schema.ts';

describe('a check’s question', () => {
  it.each([
    [{}],
    [{ end_user: null, model: null }],
    [{ end_user: 'john@company.com', model: 'a/b:c', channel: 'cli', user_agent: '' }],
    [{ end_user: 'x'.repeat(512) }],
    [{ end_user: 'ünïcode 用户 😀 @ / : }}' }],
  ])('is taken: %j', (question) => {
    expect(checkQuestion.safeParse(question).success).toBe(true);
  });

  it.each([
    ['end_user', { end_user: '' }],
    ['end_user', { end_user: '   ' }],
    ['end_user', { end_user: 'x'.repeat(513) }],
    ['end_user', { end_user: 'a\0b' }],
    ['end_user', { end_user: 'half \ud83d' }],
    ['end_user', { end_user: 7 }],
    ['end_user', { end_user: ['a', 'b'] }],
    ['model', { model: '' }],
    ['key', { key: '' }],
    ['team', { team: 'x'.repeat(513) }],
    ['user', { user: '' }],
    ['channel', { channel: 'web' }],
    ['user_agent', { user_agent: 'x'.repeat(4_097) }],
  ])('is refused for its %s: %j', (field, question) => {
    const parsed = checkQuestion.safeParse(question);
    expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toEqual([field]);
  });

  it.each([[undefined], [null], [[]], ['text'], [{ customer: 'x' }]])(
    'is refused as a whole: %j',
    (question) => {
      expect(checkQuestion.safeParse(question).success).toBe(false);
    },
  );
});
