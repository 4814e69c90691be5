import { execFileSync, spawnSync } from 'node:child_process';

/** Whom PostgreSQL's server runs as; undefined means ourselves. */
export type Account = { readonly uid: number; readonly gid: number } | undefined;

/** PostgreSQL refuses to run as root, so root lends it the account `postgres`, made when there is none. */
export function postgresAccount(say: (line: string) => void): Account {
  if (process.getuid?.() !== 0) return undefined;
  const known = findAccount();
  if (known !== undefined) return known;
  say('PostgreSQL does not run as root: making the system account "postgres"');
  for (const [command, args] of [
    ['groupadd', ['--system', 'postgres']],
    ['useradd', ['--system', '--gid', 'postgres', '--no-create-home', '--shell', '/bin/false', 'postgres']],
  ] as const) {
    spawnSync(command, args, { stdio: 'ignore', timeout: 30_000 });
  }
  const made = findAccount();
  if (made === undefined) {
    throw new Error(
      'PostgreSQL does not run as root, and the account "postgres" could not be made. Make it (useradd --system postgres), run as another user, or set DATABASE_URL.',
    );
  }
  return made;
}

/** Whether the account can enter the folder, which asks for rights on every folder above it too. */
export function canEnter(account: Account, folder: string): boolean {
  const entered = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    cwd: '/',
    stdio: 'ignore',
    timeout: 10_000,
    ...account,
  });
  return entered.status === 0;
}

function findAccount(): Account {
  const numbers = ['-u', '-g'].map((which) => {
    const asked = spawnSync('id', [which, 'postgres'], { encoding: 'utf8', timeout: 10_000 });
    return asked.status === 0 ? Number.parseInt(asked.stdout, 10) : undefined;
  });
  const [uid, gid] = numbers;
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** Gives a file or folder to the account; nothing to do when it is our own. */
export function giveTo(account: Account, path: string): void {
  if (account === undefined) return;
  execFileSync('chown', [`${account.uid}:${account.gid}`, '--', path], { timeout: 10_000 });
}
