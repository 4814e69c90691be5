import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';

/**
 * A folder of our own outside the clone, always the same for the same path, for what another account must be able to
 * enter. Refuses one that somebody else made or could change.
 */
export function outsideFolder(insteadOf: string): string {
  const mark = createHash('sha256').update(insteadOf).digest('hex').slice(0, 12);
  const folder = `/var/tmp/spendgate-${mark}`;
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new Error(
      `${folder} belongs to somebody else or can be changed by others; remove it and try again.`,
    );
  }
  return folder;
}
