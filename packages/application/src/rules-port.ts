import type { Budget } from '@spendgate/domain';

/** Published rules as text, so that adapters need not know their shape; `@spendgate/config` reads and writes it. */
export interface RulesText {
  readonly version: number;
  readonly text: string;
}

/** The published rules in PostgreSQL, where versions are given out. */
export interface RulesLedger {
  find(): Promise<RulesText | undefined>;
  /** Publishes under the exclusive advisory lock as version `expected + 1`; undefined when another came first. */
  publish(of: {
    readonly expected: number;
    readonly toText: (version: number) => string;
    /** What the budgets file defines now; stored with the publication, in place of what it defined before. */
    readonly fileBudgets?: readonly Budget[];
  }): Promise<RulesText | undefined>;
}

/** The copy of the published rules in Redis, which the enforcer reads. */
export interface RulesCopy {
  find(): Promise<RulesText | undefined>;
  /**
   * Writes unless a newer version is there, and tells the subscribers. Repeating it is harmless. With an
   * epoch newer than that of the version held it writes a lower version too: PostgreSQL went back, and
   * gives the numbers out again, so readers compare the text and not the number alone.
   */
  put(rules: RulesText, epoch?: number): Promise<void>;
}
