import { publishRules } from '@spendgate/application';
import type { PublishRulesPorts } from '@spendgate/application';
import type { Logger } from '@spendgate/observability';
import type { Job } from './job.ts';
import type { JobsMetrics } from './jobs-metrics.ts';
import { loadRulesSettings } from './rules-files.ts';
import type { RulesSources } from './rules-files.ts';

/**
 * Reads the configuration files anew and publishes what changed, so that an edited file or ConfigMap is in
 * force within an interval, without a restart. A file that broke meanwhile fails the run and leaves the
 * published rules as they are. All instances must be given the same files.
 */
export function createPublishRulesJob(
  ports: PublishRulesPorts,
  of: {
    readonly everyMs: number;
    readonly sources: RulesSources;
    readonly metrics: JobsMetrics;
    readonly logger: Logger;
    readonly now: () => Date;
  },
): Job {
  return {
    name: 'publish-rules',
    everyMs: of.everyMs,
    run: async () => {
      const settings = await loadRulesSettings(of.sources);
      const fileBudgets = settings.catalogue.budgets;
      const { outcome, version } = await publishRules(ports, { settings, fileBudgets, now: of.now() });
      of.metrics.rulesVersion.set(version);
      if (outcome === 'published') {
        of.metrics.rulesPublished.inc();
        of.logger.info(
          { version, budgets: fileBudgets.length, sync: of.sources.syncEnabled },
          'published rules',
        );
      }
      return { outcome, version };
    },
  };
}
