// npm test and its parts: runs every step even after one failed, and ends with one plain line that sums them up.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { REPOSITORY } from '@spendgate/testkit/servers';
import { addCounts, countText, readVitestReport } from './test-count.ts';
import type { TestCount } from './test-count.ts';

interface Step {
  readonly name: string;
  run(args: readonly string[]): Promise<TestCount>;
}

const STEP_TIMEOUT_MS = 30 * 60_000;
const BIN = join(REPOSITORY, 'node_modules', '.bin');
const FOLDER = mkdtempSync(join(tmpdir(), 'spendgate-tests-'));

let running: ChildProcess | undefined;
let isStopped = false;

const checks: readonly Step[] = [
  check('format', ['prettier', '--check', '--log-level', 'warn', '.']),
  check('lint', ['oxlint', '--type-aware', '--deny-warnings']),
  check('types', ['tsc', '--noEmit', '-p', 'tsconfig.json']),
];
/** Not among the quick ones; the end-to-end tests start what it makes. */
const build = check('build', ['node', '--conditions=@spendgate/source', join('scripts', 'build.ts')]);
const modes: Readonly<Record<string, readonly Step[]>> = {
  all: [...checks, build, suite('unit'), suite('int'), suite('e2e')],
  check: [...checks, suite('unit')],
  unit: [suite('unit')],
  int: [suite('int')],
  e2e: [suite('e2e')],
  litellm: [suite('litellm')],
};

const [mode = 'all', ...args] = process.argv.slice(2);
const steps = modes[mode];
if (steps === undefined) {
  process.stderr.write(`There is no "${mode}"; choose one of: ${Object.keys(modes).join(', ')}\n`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    isStopped = true;
    running?.kill('SIGTERM');
  });
}
const counts: TestCount[] = [];
try {
  for (const [index, step] of steps.entries()) {
    if (isStopped) break;
    const beganAt = performance.now();
    process.stdout.write(`\n▶ ${step.name} (${index + 1} of ${steps.length})\n`);
    const done = await step.run(args);
    counts.push(done);
    const seconds = ((performance.now() - beganAt) / 1000).toFixed(1);
    process.stdout.write(`${done.failed > 0 ? '✗' : '✓'} ${step.name}: ${countText(done)} in ${seconds} s\n`);
  }
} finally {
  rmSync(FOLDER, { recursive: true, force: true });
}
const total = counts.reduce(addCounts, { passed: 0, failed: isStopped ? 1 : 0, skipped: 0 });
process.stdout.write(`\n${countText(total)}\n`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function check(name: string, command: readonly string[]): Step {
  return {
    name,
    run: async () => {
      const isFine = (await runProgram(command)) === 0;
      return { passed: isFine ? 1 : 0, failed: isFine ? 0 : 1, skipped: 0 };
    },
  };
}

function suite(project: string): Step {
  return {
    name: `${project} tests`,
    run: async (filters) => {
      const report = join(FOLDER, `${project}.json`);
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
      const code = await runProgram(['vitest', 'run', '--project', project, ...reporters, ...filters]);
      return readVitestReport({ report, code, project });
    },
  };
}

/** The program's exit code; null when it was killed, by us when it took too long. */
async function runProgram([program = '', ...programArgs]: readonly string[]): Promise<number | null> {
  const env = {
    ...process.env,
    PATH: `${BIN}${delimiter}${process.env['PATH'] ?? ''}`,
    // kafkajs 2.2.4 sets timers to moments that have passed, which is harmless.
    NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --disable-warning=TimeoutNegativeWarning`.trim(),
  };
  const child = spawn(join(BIN, program), programArgs, {
    cwd: REPOSITORY,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  running = child;
  const timer = setTimeout(() => child.kill('SIGKILL'), STEP_TIMEOUT_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  running = undefined;
  return code;
}
