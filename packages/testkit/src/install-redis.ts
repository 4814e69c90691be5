import { spawnSync } from 'node:child_process';
import { findProgram } from './find-program.ts';

const MANAGERS: readonly {
  readonly program: string;
  readonly needsRoot: boolean;
  readonly commands: readonly (readonly string[])[];
}[] = [
  {
    program: 'apt-get',
    needsRoot: true,
    commands: [
      ['apt-get', 'update'],
      ['apt-get', 'install', '-y', '--no-install-recommends', 'redis-server'],
    ],
  },
  { program: 'dnf', needsRoot: true, commands: [['dnf', 'install', '-y', 'redis']] },
  { program: 'apk', needsRoot: true, commands: [['apk', 'add', 'redis']] },
  { program: 'brew', needsRoot: false, commands: [['brew', 'install', 'redis']] },
];

/**
 * Installs Redis by the system's package manager when that needs no password.
 * @throws Error naming the one command to run.
 */
export function installRedis(say: (line: string) => void): void {
  const manager = MANAGERS.find(({ program }) => findProgram(program) !== undefined);
  if (manager === undefined) {
    throw new Error(
      'Redis is missing: install redis-server or valkey-server, or set REDIS_URL to one that runs.',
    );
  }
  const prefix = manager.needsRoot ? findPrefix() : [];
  const byHand = manager.commands.map((command) =>
    (manager.needsRoot ? ['sudo', ...command] : command).join(' '),
  );
  const advice = `Run: ${byHand.join(' && ')} (or set REDIS_URL to a Redis that runs)`;
  if (prefix === undefined) throw new Error(`Redis is missing and installing it needs a password. ${advice}`);
  for (const command of manager.commands) {
    say(`Installing Redis: ${[...prefix, ...command].join(' ')}`);
    const [program, ...args] = [...prefix, ...command];
    const ran = spawnSync(program ?? '', args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: 300_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    // A list that could not be refreshed is no reason to stop; the install says whether it was needed.
    const isLast = command === manager.commands.at(-1);
    if (ran.status !== 0 && isLast) throw new Error(`Redis could not be installed. ${advice}\n${ran.stderr}`);
  }
}

/** How to become root without a password: not at all, by sudo, or undefined when neither goes. */
function findPrefix(): readonly string[] | undefined {
  if (process.getuid?.() === 0) return [];
  if (findProgram('sudo') === undefined) return undefined;
  const allowed = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore', timeout: 10_000 });
  return allowed.status === 0 ? ['sudo', '-n'] : undefined;
}
