import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const RUN = join(import.meta.dirname, '..', '.ci', 'run');

/** Runs `.ci/run` in a folder where `npm run <suite>` does what is given here. */
function runCi(of: { readonly test: string; readonly litellm: string }) {
  const folder = mkdtempSync(join(tmpdir(), 'spendgate-ci-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  cpSync(RUN, join(folder, 'clone', '.ci', 'run'));
  const npm = `#!/bin/bash\ncase "$3" in\n  test) ${of.test} ;;\n  test:litellm) ${of.litellm} ;;\nesac\n`;
  writeFileSync(join(bin, 'npm'), npm, { mode: 0o755 });
  writeFileSync(join(bin, 'redis-server'), '', { mode: 0o755 });
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const ran = spawnSync('bash', [join(folder, 'clone', '.ci', 'run')], { env, encoding: 'utf8' });
  return { code: ran.status, last: ran.stdout.trimEnd().split('\n').at(-1) };
}

it('ends with the sums of all suites in one plain line', () => {
  const ran = runCi({
    test: 'echo 30 passed, 0 failed, 1 skipped',
    litellm: 'echo 2 passed, 0 failed, 4 skipped',
  });
  expect(ran).toEqual({ code: 0, last: '32 passed, 0 failed, 5 skipped' });
});

it.each([
  ['fails', 'echo 3 passed, 10 failed, 0 skipped; exit 1', '5 passed, 10 failed, 0 skipped'],
  ['dies before its last line', 'echo 12 of 400 done; exit 7', '2 passed, 1 failed, 0 skipped'],
  ['is killed', 'kill -KILL $$', '2 passed, 1 failed, 0 skipped'],
  ['ends well without a word', 'true', '2 passed, 1 failed, 0 skipped'],
  [
    'crashes after a good last line',
    'echo 3 passed, 0 failed, 0 skipped; exit 1',
    '5 passed, 1 failed, 0 skipped',
  ],
])('fails, and says so in its last line, when a suite %s', (_what, test, last) => {
  expect(runCi({ test, litellm: 'echo 2 passed, 0 failed, 0 skipped' })).toEqual({ code: 1, last });
});
