import type { SpendEvent } from '@spendgate/domain';
import { slotOf } from './slot-of.ts';

export type SimulatedKafka = ReturnType<typeof createSimulatedKafka>;

/** One consumer's hold on a partition; after a rebalance the old one's commits are refused. */
export interface Assignment {
  readonly partition: number;
  readonly generation: number;
}

/** Partitions that keep what they took, and a consumer group whose members may not know they are out. */
export function createSimulatedKafka(partitionCount: number) {
  const logs = Array.from({ length: partitionCount }, (): SpendEvent[] => []);
  let committed: readonly number[] = logs.map(() => 0);
  let generation = 1;
  return {
    partitionOf: (event: SpendEvent): number => slotOf(event.endUser ?? '', partitionCount),
    append(partition: number, event: SpendEvent): void {
      logs[partition]?.push(event);
    },
    rebalance(): void {
      generation += 1;
    },
    assign: (partition: number): Assignment => ({ partition, generation }),
    committedOffset: (partition: number): number => committed[partition] ?? 0,
    fetch: (partition: number, offset: number, limit: number): readonly SpendEvent[] =>
      logs[partition]?.slice(offset, offset + limit) ?? [],
    /** False when the committer was thrown out meanwhile. */
    commit(assignment: Assignment, offset: number): boolean {
      if (assignment.generation !== generation) return false;
      committed = committed.map((known, partition) => (partition === assignment.partition ? offset : known));
      return true;
    },
    offsets: (): readonly number[] => committed,
    /** What an operator does after PostgreSQL lost commits: back by the lost span and a margin. */
    rewind(offsets: readonly number[], margin: number): void {
      generation += 1;
      committed = offsets.map((offset) => Math.max(0, offset - margin));
    },
    holds: (id: string): boolean => logs.some((log) => log.some((event) => event.id === id)),
    behind: (): boolean => logs.some((log, partition) => (committed[partition] ?? 0) < log.length),
    partitions: logs.map((_, partition) => partition),
  };
}
