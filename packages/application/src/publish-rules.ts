import { Overloaded, buildRules, sameRules } from '@spendgate/domain';
import type { Budget, PublishedRules, RulesSettings } from '@spendgate/domain';
import type { CounterSource } from './counter-source-port.ts';
import type { RulesCopy, RulesLedger, RulesText } from './rules-port.ts';

/** How rules become text and back; `@spendgate/config` has it. */
export interface RulesCodec {
  encode(rules: PublishedRules): string;
  /** @throws when the text is not readable to this build. */
  decode(text: string): PublishedRules;
}

export interface PublishRulesPorts {
  readonly rules: RulesLedger;
  readonly codec: RulesCodec;
  /** Where the text is put as well; null where there is no Redis (a lone migration): the sweep brings it. */
  readonly redis: {
    readonly rulesCopy: RulesCopy;
    readonly source: Pick<CounterSource, 'confirmEpoch'>;
    readonly counterBuckets: number;
  } | null;
}

export interface PublishRulesResult {
  readonly outcome: 'published' | 'unchanged';
  readonly version: number;
}

const MAX_ATTEMPTS = 5;

/**
 * Publishes the rules that `settings` make, as a new version, unless they are what is published already,
 * and sees that Redis has the text. The history of the schemes goes on from the published one. Safe to
 * repeat and to run side by side: where another one came first, its version is the one to go on from.
 * @throws LedgerUnavailable, SpendStoreUnavailable - repeat it. @throws Overloaded - others kept coming first.
 */
export async function publishRules(
  ports: PublishRulesPorts,
  of: {
    readonly settings: RulesSettings;
    /** What the budgets file defines, to be stored with the publication. */
    readonly fileBudgets: readonly Budget[];
    readonly now: Date;
  },
): Promise<PublishRulesResult> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const held = await ports.rules.find();
    const previous = held === undefined ? null : ports.codec.decode(held.text);
    const built = buildRules({ settings: of.settings, previous, now: of.now });
    if (held !== undefined && previous !== null && sameRules(previous, built)) {
      await copyToRedis(ports.redis, held);
      return { outcome: 'unchanged', version: held.version };
    }
    const published = await ports.rules.publish({
      expected: held?.version ?? 0,
      toText: (version) => ports.codec.encode({ ...built, version }),
      fileBudgets: of.fileBudgets,
    });
    if (published !== undefined) {
      await copyToRedis(ports.redis, published);
      return { outcome: 'published', version: published.version };
    }
  }
  throw new Overloaded('others kept publishing rules at the same time');
}

async function copyToRedis(redis: PublishRulesPorts['redis'], rules: RulesText): Promise<void> {
  if (redis === null) return;
  const held = await redis.rulesCopy.find();
  if (held?.text === rules.text) return;
  const epoch = await redis.source.confirmEpoch({ counterBuckets: redis.counterBuckets });
  await redis.rulesCopy.put(rules, epoch);
}
