export const JOB_NAMES = ['sweep', 'walk', 'close-periods', 'partitions', 'publish-rules'] as const;
export type JobName = (typeof JOB_NAMES)[number];

/** What a run did, in a few numbers; kept with the run and shown to readers. */
export type JobSummary = Readonly<Record<string, number | string | boolean>>;

/** Work that is done again and again. Every run may be repeated, and may overlap with another one. */
export interface Job {
  readonly name: JobName;
  readonly everyMs: number;
  run(): Promise<JobSummary>;
}
