import type { CheckRules } from '@spendgate/application';
import { checkHealth } from '@spendgate/observability';
import type { HealthCheck, Readiness } from '@spendgate/observability';
import { differingSettings } from '@spendgate/domain';
import type { OwnSettings } from '@spendgate/domain';
import type { RulesFollower, RulesStatus } from './rules-follower.ts';

/** Ready means that a check asked now would be answered from the counters. */
export function enforcerReadiness(of: {
  readonly follower: RulesFollower;
  readonly rules: CheckRules;
  readonly ownSettings: OwnSettings;
  readonly assertNoEviction: () => Promise<void>;
}): Readiness {
  return async () => {
    const status = await of.follower.refresh();
    return [
      toCheck('redis', status.redisReached ? null : 'not reached in time'),
      toCheck('rules', status.redisReached ? rulesProblem(status) : UNKNOWN),
      toCheck('counters', status.redisReached ? countersProblem(status) : UNKNOWN),
      toCheck('settings', settingsProblem(of.rules, of.ownSettings)),
      await checkHealth('no_eviction', of.assertNoEviction),
    ];
  };
}

/** What Redis would have told: to call it missing would send people after the wrong fault. */
const UNKNOWN = 'not known while Redis is not reached';

function countersProblem(status: RulesStatus): string | null {
  return status.counters === 'whole' ? null : `the counters' state is ${status.counters}`;
}

function rulesProblem(status: RulesStatus): string | null {
  if (status.unreadable) return 'the published rules cannot be read; is this build older than the publisher?';
  if (status.publishedVersion === null) return 'no rules are published; the jobs service publishes them';
  if (status.counters === 'whole' && !status.fitting) {
    return `the counters are not counted by the published version ${status.publishedVersion}`;
  }
  return null;
}

function settingsProblem(rules: CheckRules, own: OwnSettings): string | null {
  const attribution = rules.preferred()?.attribution;
  if (attribution === undefined) return null;
  const differing = differingSettings(own, attribution);
  return differing.length === 0 ? null : `${differing.join(', ')} differ from the published ones`;
}

function toCheck(name: string, problem: string | null): HealthCheck {
  return problem === null ? { name, ok: true } : { name, ok: false, detail: problem };
}
