import { totalCpuUs } from './cpu-meter.ts';
import type { CpuUs } from './cpu-meter.ts';
import { median } from './figure.ts';

/** What one round of one side did. */
export interface RoundResult {
  readonly operations: number;
  readonly wallMs: number;
  readonly cpuUs: CpuUs;
  /** The usual answer, and the slowest but one in a hundred; null where answers are not timed. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface SideSummary {
  readonly cpuUsPerOperation: number;
  readonly cpuUsByPart: CpuUs;
  readonly operationsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Side {
  /** Brings what the round needs into memory; not measured. */
  prepare(round: number): Promise<void>;
  run(round: number): Promise<RoundResult>;
}

/**
 * Runs both sides in turn, round after round, so that what disturbs the machine disturbs both alike. Round 0 warms up
 * and is dropped; the others are summed up by their medians.
 */
export async function runInterleaved(
  sides: readonly [Side, Side],
  of: { readonly rounds: number },
): Promise<readonly [SideSummary, SideSummary]> {
  const results: readonly [RoundResult[], RoundResult[]] = [[], []];
  for (let round = 0; round <= of.rounds; round += 1) {
    for (const index of [0, 1] as const) {
      await sides[index].prepare(round);
      const result = await sides[index].run(round);
      if (round > 0) results[index].push(result);
    }
  }
  return [summarise(results[0]), summarise(results[1])];
}

/** Rounds of one side that has nothing to be compared with; round 0 is dropped. */
export async function runAlone(side: Side, of: { readonly rounds: number }): Promise<SideSummary> {
  const results: RoundResult[] = [];
  for (let round = 0; round <= of.rounds; round += 1) {
    await side.prepare(round);
    const result = await side.run(round);
    if (round > 0) results.push(result);
  }
  return summarise(results);
}

function summarise(results: readonly RoundResult[]): SideSummary {
  const parts = Object.keys(results[0]?.cpuUs ?? {});
  return {
    cpuUsPerOperation: median(results.map((result) => totalCpuUs(result.cpuUs) / result.operations)),
    cpuUsByPart: Object.fromEntries(
      parts.map((part) => [
        part,
        median(results.map((result) => (result.cpuUs[part] ?? 0) / result.operations)),
      ]),
    ),
    operationsPerSecond: median(results.map((result) => (result.operations / result.wallMs) * 1000)),
    p50Ms: median(results.map((result) => result.p50Ms ?? Number.NaN)),
    p99Ms: median(results.map((result) => result.p99Ms ?? Number.NaN)),
  };
}

/** `cpu per event: service 90 + postgres 40 + redis 3 µs`. */
export function formatParts(label: string, cpuUsByPart: CpuUs): string {
  const parts = Object.entries(cpuUsByPart).map(([name, us]) => `${name} ${us.toFixed(1)}`);
  return `${label}: ${parts.join(' + ')} µs`;
}
