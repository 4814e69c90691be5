export { JOB_NAMES } from './job.ts';
export type { JobName } from './job.ts';
export { publishFromEnvironment } from './publish-from-environment.ts';
export { InvalidConfigFiles } from './rules-files.ts';
