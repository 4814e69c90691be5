import { measureCpu } from './cpu-meter.ts';
import type { CpuParts } from './cpu-meter.ts';
import type { Side } from './rounds.ts';
import type { MeasuredReply } from './worker-commands.ts';

/** A side whose rounds are run by a worker while the CPU of `parts` is counted. */
export function measuredSide(of: {
  readonly prepare: (round: number) => Promise<unknown>;
  readonly run: (round: number) => Promise<MeasuredReply>;
  readonly parts: CpuParts;
}): Side {
  return {
    prepare: async (round) => {
      await of.prepare(round);
    },
    run: async (round) => {
      const { result, cpuUs } = await measureCpu(of.parts, () => of.run(round));
      return { ...result, cpuUs };
    },
  };
}
