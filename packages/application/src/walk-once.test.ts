import { expect, it } from 'vitest';
import { createInMemoryHealing, row } from '../test/in-memory-healing.ts';
import { walkOnce } from './walk-once.ts';

it('goes over all open rows in pages and begins anew at the end', async () => {
  const healing = createInMemoryHealing(1);
  healing.rows = ['a0', 'b0', 'c0'].map((subject) => row(subject));
  const first = await walkOnce(healing.ports, { after: null, limit: 2 });
  expect(first).toEqual({ pushed: 2, next: { subject: 'b0', period: 'none', stripe: 0 } });
  expect(await walkOnce(healing.ports, { after: first.next, limit: 2 })).toEqual({ pushed: 1, next: null });
  expect([...healing.held.keys()]).toEqual(['a0', 'b0', 'c0']);
});

it('does nothing on an empty table', async () => {
  const healing = createInMemoryHealing(1);
  expect(await walkOnce(healing.ports, { after: null, limit: 2 })).toEqual({ pushed: 0, next: null });
});
