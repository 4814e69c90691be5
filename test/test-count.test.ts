import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { addCounts, countText, readVitestReport } from '../scripts/test-count.ts';

const folder = mkdtempSync(join(tmpdir(), 'spendgate-count-'));

function report(of: {
  readonly passed?: number;
  readonly failed?: number;
  readonly pending?: number;
  readonly files?: readonly { readonly status: string; readonly tests: readonly string[] }[];
}): string {
  const path = join(folder, `${Math.random()}.json`);
  const content = {
    numPassedTests: of.passed ?? 0,
    numFailedTests: of.failed ?? 0,
    numPendingTests: of.pending ?? 0,
    numTodoTests: 0,
    testResults: (of.files ?? []).map(({ status, tests }) => ({
      status,
      assertionResults: tests.map((result) => ({ status: result })),
    })),
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}

it('counts what vitest counted', () => {
  const found = readVitestReport({
    report: report({ passed: 3, failed: 1, pending: 2 }),
    code: 1,
    project: 'unit',
  });
  expect(found).toEqual({ passed: 3, failed: 1, skipped: 2 });
});

it('counts a file that could not be loaded as a failure', () => {
  const path = report({
    passed: 3,
    files: [
      { status: 'failed', tests: [] },
      { status: 'passed', tests: ['passed'] },
    ],
  });
  expect(readVitestReport({ report: path, code: 1, project: 'unit' }).failed).toBe(1);
});

it.each([
  ['a suite without a test', { passed: 0, code: 0 }],
  ['a crash after all tests passed', { passed: 5, code: 1 }],
  ['an end by a signal', { passed: 5, code: null }],
])('counts %s as a failure', (_what, { passed, code }) => {
  expect(readVitestReport({ report: report({ passed }), code, project: 'unit' }).failed).toBe(1);
});

it('counts a run without a report as a failure', () => {
  const missing = join(folder, 'none.json');
  expect(readVitestReport({ report: missing, code: 0, project: 'unit' })).toEqual({
    passed: 0,
    failed: 1,
    skipped: 0,
  });
});

it('does not fail a suite that was left out by a switch', () => {
  const left = readVitestReport({ report: report({ pending: 4 }), code: 0, project: 'int' });
  expect(left).toEqual({ passed: 0, failed: 0, skipped: 4 });
});

it('sums up in one plain line', () => {
  const total = addCounts({ passed: 1, failed: 0, skipped: 2 }, { passed: 10, failed: 1, skipped: 0 });
  expect(countText(total)).toBe('11 passed, 1 failed, 2 skipped');
});
