import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** The folder of the whole project. */
export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');

/** The runtime that the project pins, whatever Node the machine has. */
export const PINNED_NODE = join(REPOSITORY, 'node_modules', '.bin', 'node');

/** What a program we start sees of our environment: nothing that could change what it does. */
export function bareEnvironment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'TMPDIR', 'JAVA_HOME', 'DOCKER_HOST']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
