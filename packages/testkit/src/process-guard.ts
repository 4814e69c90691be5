import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

// A shell outside our process group that outlives us. Its standard input closes when we end, in whatever way, even by
// SIGKILL; then it ends the processes and removes the folders that are still on its list.
const GUARD = `
trap '' INT TERM HUP
pids='' ; folders=''
while read -r act what how; do
  case "$act" in
    run) pids="$pids $what:$how" ;;
    ended) left='' ; for p in $pids; do case "$p" in "$what":*) ;; *) left="$left $p" ;; esac; done ; pids="$left" ;;
    remove) folders="$folders
$what" ;;
  esac
done
for p in $pids; do kill -s "\${p#*:}" "\${p%%:*}" 2>/dev/null; done
tries=0
while [ "$tries" -lt 50 ]; do
  alive='' ; for p in $pids; do kill -0 "\${p%%:*}" 2>/dev/null && alive="$alive $p"; done
  [ -z "$alive" ] && break
  sleep 0.2 ; tries=$((tries + 1))
done
for p in $alive; do kill -s KILL "\${p%%:*}" 2>/dev/null; done
printf '%s\\n' "$folders" | while read -r folder; do
  case "\${folder##*/}" in spendgate-*) rm -rf -- "$folder" ;; esac
done
`;

let guardInput: Writable | undefined;

/** Ends this process with `signal` (KILL ten seconds later) once our own process is gone. Returns how to take it off the list. */
export function guardProcess(pid: number, signal: 'TERM' | 'INT'): () => void {
  tell(`run ${pid} ${signal}`);
  return () => tell(`ended ${pid} -`);
}

/** Removes a folder once our own process is gone. Its name must begin with `spendgate-` and hold no line break. */
export function guardFolder(path: string): void {
  tell(`remove ${path}`);
}

function tell(line: string): void {
  guardInput ??= startGuard();
  guardInput.write(`${line}\n`);
}

function startGuard(): Writable {
  const guard = spawn('/bin/sh', ['-c', GUARD], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  // Without the guard everything still works; only an abrupt end leaves processes behind.
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  return guard.stdin;
}
