import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@spendgate/testkit/servers';
import { z } from 'zod';

const NOTE = join(REPOSITORY, '.data', 'running.json');

/** The stores of a running `npm start`, as a note under .data/ that only its owner may read: URLs hold passwords. */
const note = z.strictObject({
  pid: z.int(),
  databaseUrl: z.string(),
  redisUrl: z.string(),
  counterBuckets: z.string().optional(),
});
export type RunningSystem = Omit<z.infer<typeof note>, 'pid'>;

/** Leaves the note for operators' commands. Returns how to take it away. */
export function noteRunning(system: RunningSystem): () => void {
  rmSync(NOTE, { force: true });
  writeFileSync(NOTE, JSON.stringify({ pid: process.pid, ...system }), { mode: 0o600 });
  return () => rmSync(NOTE, { force: true });
}

/** The stores of the `npm start` of this clone; undefined when none runs. */
export function findRunning(): RunningSystem | undefined {
  try {
    const { pid, ...system } = note.parse(JSON.parse(readFileSync(NOTE, 'utf8')));
    process.kill(pid, 0);
    return system;
  } catch {
    // No note, one that was left by a process that was killed, or one of an older version.
    return undefined;
  }
}
