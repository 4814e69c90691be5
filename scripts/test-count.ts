import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const reportShape = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) }),
  ),
});

/** A file that could not be loaded has no tests and counts as one failure, as does a crash of vitest itself. */
export function readVitestReport(of: {
  readonly report: string;
  readonly code: number | null;
  readonly project: string;
}): TestCount {
  if (!existsSync(of.report)) {
    process.stdout.write(`The ${of.project} tests did not run to their end.\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const found = reportShape.parse(JSON.parse(readFileSync(of.report, 'utf8')));
  const broken = found.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  ).length;
  const passed = found.numPassedTests;
  const skipped = found.numPendingTests + found.numTodoTests;
  const seen = found.numFailedTests + broken;
  if (passed + skipped + seen === 0) process.stdout.write(`The ${of.project} suite holds no test.\n`);
  const isWrong = of.code !== 0 || passed + skipped === 0;
  return { passed, failed: seen === 0 && isWrong ? 1 : seen, skipped };
}

export function addCounts(left: TestCount, right: TestCount): TestCount {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

/** The line that closes a run: `N passed, N failed, N skipped`. */
export function countText(of: TestCount): string {
  return `${of.passed} passed, ${of.failed} failed, ${of.skipped} skipped`;
}
