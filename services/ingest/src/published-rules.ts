import { RulesNotPublished } from '@spendgate/application';
import type { RulesInForce, RulesLedger } from '@spendgate/application';
import { decodeRules } from '@spendgate/config';
import { InvalidRules } from '@spendgate/domain';
import type { PublishedRules } from '@spendgate/domain';
import type { Logger } from '@spendgate/observability';

const POLL_INTERVAL_MS = 1_000;

export interface FollowedRules extends RulesInForce {
  /** What is wrong with the published rules; null when they are in force here. */
  problem(): string | null;
  /** Reads now and then every second, until `stop`. Does not fail when the ledger is away. */
  start(): Promise<void>;
  stop(): void;
}

/**
 * The published rules as PostgreSQL has them, kept in memory. A newer version that this build cannot
 * read keeps events waiting: recording them by older rules is what the ledger refuses.
 */
export function followRules(ledger: Pick<RulesLedger, 'find'>, logger: Logger): FollowedRules {
  let rules: PublishedRules | undefined;
  let problem: string | null = 'no rules are published; the jobs service publishes them';
  let reading: Promise<PublishedRules> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const read = async (): Promise<PublishedRules> => {
    const published = await ledger.find();
    if (published === undefined) throw new RulesNotPublished('no rules are published');
    if (published.version !== rules?.version) {
      try {
        rules = decodeRules(published.text);
        logger.info({ version: published.version }, 'took in published rules');
      } catch (error) {
        if (!(error instanceof InvalidRules)) throw error;
        problem = 'the published rules cannot be read; is this build older than the publisher?';
        throw new RulesNotPublished(problem, { cause: error });
      }
    }
    problem = null;
    return rules;
  };

  const refresh = async (): Promise<PublishedRules> => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return await reading;
  };

  // The ledger's own check reports that it is away; a missing publication stands in `problem`.
  const look = async (): Promise<void> => {
    await refresh().catch(() => undefined);
  };

  return {
    current: () => {
      if (rules === undefined) throw new RulesNotPublished('no rules are published');
      return rules;
    },
    refresh,
    problem: () => problem,
    start: async () => {
      timer = setInterval(() => void look(), POLL_INTERVAL_MS);
      await look();
    },
    stop: () => clearInterval(timer),
  };
}
