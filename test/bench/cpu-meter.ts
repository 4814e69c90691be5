import { readFile, readdir } from 'node:fs/promises';

/** What is counted for an operation: names of parts to the processes at their roots (children included). */
export type CpuParts = Readonly<Record<string, number>>;

/** CPU per part, in microseconds. */
export type CpuUs = Readonly<Record<string, number>>;

/**
 * Runs `act` and tells what CPU each part took meanwhile. Living threads are read in nanoseconds from
 * the scheduler; what children took that ended meanwhile comes from their parent, in ticks.
 */
export async function measureCpu<T>(
  parts: CpuParts,
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly cpuUs: CpuUs }> {
  const before = await readParts(parts);
  const result = await act();
  const after = await readParts(parts);
  const cpuUs = Object.fromEntries(
    Object.entries(after).map(([name, ns]) => [name, (ns - (before[name] ?? 0)) / 1000]),
  );
  return { result, cpuUs };
}

export function totalCpuUs(cpuUs: CpuUs): number {
  return Object.values(cpuUs).reduce((sum, us) => sum + us, 0);
}

const NS_PER_TICK = 10_000_000;

async function readParts(parts: CpuParts): Promise<Record<string, number>> {
  const entries = await Promise.all(
    Object.entries(parts).map(async ([name, pid]) => [name, await treeNs(pid)] as const),
  );
  return Object.fromEntries(entries);
}

async function treeNs(pid: number): Promise<number> {
  const threads = await foldGone(readdir(`/proc/${pid}/task`), []);
  const running = await Promise.all(threads.map((thread) => threadNs(pid, thread)));
  const children = await Promise.all(threads.map((thread) => childrenOf(pid, thread)));
  const below = await Promise.all(children.flat().map(treeNs));
  return [...running, ...below].reduce((sum, ns) => sum + ns, await endedChildrenNs(pid));
}

async function threadNs(pid: number, thread: string): Promise<number> {
  const text = await foldGone(readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'), '0 0 0');
  return Number(text.split(' ')[0]);
}

async function childrenOf(pid: number, thread: string): Promise<number[]> {
  const text = await foldGone(readFile(`/proc/${pid}/task/${thread}/children`, 'utf8'), '');
  return text.split(' ').filter(Boolean).map(Number);
}

/** Fields 16 and 17 of proc(5)'s stat: user and system time of children that were waited for. */
async function endedChildrenNs(pid: number): Promise<number> {
  const text = await foldGone(readFile(`/proc/${pid}/stat`, 'utf8'), '');
  const afterName = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(afterName[13] ?? 0) + Number(afterName[14] ?? 0)) * NS_PER_TICK;
}

/** A process or thread may end between being listed and being read; its time is then its parent's to tell. */
async function foldGone<T>(reading: Promise<T>, gone: T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return gone;
    throw error;
  }
}
