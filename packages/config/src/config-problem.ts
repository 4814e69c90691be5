/** One thing wrong with a configuration file. `line` counts from 1 and is absent for the file as a whole. */
export interface ConfigProblem {
  readonly line?: number;
  /** Where in the file, such as `predefined_budgets[0].max_budget`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}
