import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guardFolder } from './process-guard.ts';

/** A new folder that is gone once this process is, however it ends. Other accounts may enter, but not list it. */
export function throwAwayFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spendgate-'));
  chmodSync(folder, 0o711);
  guardFolder(folder);
  return folder;
}
