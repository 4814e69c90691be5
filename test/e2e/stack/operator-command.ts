import { join } from 'node:path';
import { PINNED_NODE, REPOSITORY, spawnServer } from '@spendgate/testkit/servers';

/** Runs a script as `npm run <name> -- <args>` does, to its end. */
export async function runOperatorCommand(of: {
  readonly script: 'rebuild' | 'detach';
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}): Promise<{ readonly code: number | null; readonly output: string }> {
  const command = await spawnServer({
    command: PINNED_NODE,
    args: [
      join(REPOSITORY, 'scripts', 'bootstrap.mjs'),
      join('scripts', `${of.script}.ts`),
      ...(of.args ?? []),
    ],
    cwd: REPOSITORY,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...of.env },
  });
  const { code } = await command.exited;
  return { code, output: command.output() };
}
