import { expect, it } from 'vitest';
import { createPurgeHorizon } from './purge-horizon.ts';

function horizonAt() {
  const clock = { ms: 0 };
  return { clock, horizon: createPurgeHorizon({ keepMs: 1_000, now: () => new Date(clock.ms) }) };
}

it('lets changes go only after every bucket has had them for the whole time', () => {
  const { clock, horizon } = horizonAt();
  expect(horizon.after(10n)).toBeNull();
  clock.ms = 900;
  expect(horizon.after(20n)).toBeNull();
  clock.ms = 1_000;
  expect(horizon.after(30n)).toBe(10n);
  clock.ms = 2_000;
  expect(horizon.after(40n)).toBe(30n);
});

it('forgets what it noted when the cursor goes back, as after a restore', () => {
  const { clock, horizon } = horizonAt();
  horizon.after(1_000n);
  clock.ms = 5_000;
  expect(horizon.after(10n)).toBeNull();
  clock.ms = 6_000;
  expect(horizon.after(11n)).toBe(10n);
});

it('keeps a bounded number of notes however often it is asked', () => {
  const { clock, horizon } = horizonAt();
  for (clock.ms = 0; clock.ms < 100_000; clock.ms += 10) horizon.after(BigInt(clock.ms));
  const below = horizon.after(100_000n);
  expect(below).toBeGreaterThanOrEqual(98_500n);
  expect(below).toBeLessThanOrEqual(99_000n);
});
