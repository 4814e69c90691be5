import { checkHealth } from '@spendgate/observability';
import type { HealthCheck, Readiness } from '@spendgate/observability';
import type { EventSubscription } from './event-stream.ts';
import type { IngestPorts } from './ingest-ports.ts';
import { differingSettings } from '@spendgate/domain';
import type { OwnSettings } from '@spendgate/domain';
import type { FollowedRules } from './published-rules.ts';

/**
 * Ready means that events sent now would be made durable and counted. Redis is reported but not asked
 * for: without it counting goes on. With Kafka the same holds for the ledger, for intake goes on; not for an
 * old schema, which no waiting mends.
 */
export function ingestReadiness(of: {
  readonly ports: Pick<IngestPorts, 'health' | 'stream'>;
  readonly rules: FollowedRules;
  readonly ownSettings: OwnSettings;
}): Readiness {
  const { ports, rules } = of;
  return async () => {
    const [ledger, redis] = await Promise.all([
      checkHealth('ledger', ports.health.ledger),
      checkHealth('redis', ports.health.redis),
    ]);
    const stream = ports.stream;
    return [
      stream === null || ledger.detail === 'BUDGET_SCHEMA_OUTDATED'
        ? ledger
        : goesOnWithout(ledger, 'events wait in Kafka'),
      redis.detail === 'BUDGET_REDIS_EVICTS' ? redis : goesOnWithout(redis, 'pushes are owed to the sweep'),
      toCheck('rules', rules.problem()),
      toCheck('settings', settingsProblem(rules, of.ownSettings)),
      ...(stream === null ? [] : [consumerCheck(stream.subscription)]),
    ];
  };
}

/** What cannot be read holds up its partition alone: intake, and all else, goes on. */
function consumerCheck(subscription: Pick<EventSubscription, 'isJoined' | 'unreadable'>): HealthCheck {
  if (!subscription.isJoined()) return toCheck('consumer', 'has not joined its group');
  const unreadable = subscription.unreadable();
  return unreadable.length === 0
    ? toCheck('consumer', null)
    : { name: 'consumer', ok: true, detail: unreadable.join('; ') };
}

function goesOnWithout(check: HealthCheck, consequence: string): HealthCheck {
  return check.ok
    ? check
    : { name: check.name, ok: true, detail: `${check.detail ?? 'away'}: ${consequence}` };
}

function settingsProblem(rules: FollowedRules, own: OwnSettings): string | null {
  if (rules.problem() !== null) return null;
  const variables = differingSettings(own, rules.current().attribution);
  return variables.length === 0 ? null : `${variables.join(', ')} contradict the published rules`;
}

function toCheck(name: string, problem: string | null): HealthCheck {
  return problem === null ? { name, ok: true } : { name, ok: false, detail: problem };
}
