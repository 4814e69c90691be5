import type { CounterCopy, CounterValue, PassMark } from '@spendgate/application';

export const EPOCH = 1_700_000_000_000;

export function counter(overrides: Partial<CounterValue> = {}): CounterValue {
  return {
    subject: 'customer:ann',
    period: 'none',
    periodEnd: null,
    stripe: 0,
    spentNanoUsd: 1n,
    version: 1,
    ...overrides,
  };
}

export function mark(overrides: Partial<PassMark> = {}): PassMark {
  return { bucket: 0, epoch: EPOCH, token: 'pass', position: 0, ...overrides };
}

/** Makes a bucket whole with what it holds. */
export async function makeWhole(
  copy: CounterCopy,
  of: {
    readonly bucket?: number;
    readonly epoch?: number;
    readonly rulesVersion?: number;
    readonly cursor?: bigint;
  } = {},
): Promise<void> {
  const { bucket = 0, epoch = EPOCH, rulesVersion = 1, cursor = 10n } = of;
  const seen = (await copy.states())[bucket];
  if (seen === 'unreachable' || seen === undefined) throw new Error('the bucket cannot be reached');
  const begun = mark({ bucket, epoch });
  if (!(await copy.startBuild(begun, seen))) throw new Error('the build did not begin');
  if (!(await copy.finishBuild(begun, { epoch, cursor, rulesVersion })))
    throw new Error('the build did not end');
}
