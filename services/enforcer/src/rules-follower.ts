import { decodeRules } from '@spendgate/config';
import { GLOBAL_SUBJECT, NO_PERIOD_ID, SpendStoreUnavailable, subjectKey } from '@spendgate/domain';
import type { CheckRules, CopyHealth, RulesText, SpendReader } from '@spendgate/application';
import type { Logger } from '@spendgate/observability';

/** Where published rules come from. */
export interface RulesFeed {
  /** @throws SpendStoreUnavailable */
  find(): Promise<RulesText | undefined>;
  /** Calls back after each publication, as far as messages arrive. Resolves to the way to stop it. */
  subscribe(onPublished: () => void): Promise<() => Promise<void>>;
}

/** What the last look at the store found. */
export interface RulesStatus {
  readonly redisReached: boolean;
  /** The version published; null when there is none. */
  readonly publishedVersion: number | null;
  /** The published text could not be read. */
  readonly unreadable: boolean;
  readonly counters: CopyHealth;
  /** Rules are held that fit the version which the counters' state carries. */
  readonly fitting: boolean;
}

export interface RulesFollower {
  /** Looks now; calls made while a look is under way share it. Never throws. */
  refresh(): Promise<RulesStatus>;
  close(): Promise<void>;
}

/** A lost message is repaired after this time. */
const POLL_INTERVAL_MS = 1_000;

const NOTHING_SEEN: RulesStatus = {
  redisReached: false,
  publishedVersion: null,
  unreadable: false,
  counters: 'absent',
  fitting: false,
};

/**
 * Keeps the rules in memory equal to the published ones, and in step with the counters: after each
 * publication, and every second in case its message was lost. Resolves after the first look, also when
 * the store is away: checks follow the fail policy until it comes back.
 */
export async function followRules(of: {
  readonly feed: RulesFeed;
  readonly rules: CheckRules;
  readonly spend: SpendReader;
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly now: () => Date;
}): Promise<RulesFollower> {
  let seen: RulesText | undefined;
  let unreadable = false;
  let underWay: Promise<RulesStatus> | undefined;

  const takeIn = (text: RulesText | undefined): void => {
    if (text === undefined || (text.version === seen?.version && text.text === seen.text)) return;
    seen = text;
    try {
      of.rules.adopt(decodeRules(text.text));
      unreadable = false;
      of.logger.info({ version: text.version }, 'took in published rules');
    } catch (error) {
      unreadable = true;
      of.logger.error({ err: error, version: text.version }, 'published rules cannot be read');
    }
  };

  const look = async (): Promise<RulesStatus> => {
    try {
      const text = await of.feed.find();
      takeIn(text);
      const state = await readState(of.spend, of.timeoutMs);
      const whole = state.health === 'whole';
      const fitting = whole && of.rules.use({ stateVersion: state.rulesVersion, at: of.now() }) !== undefined;
      const publishedVersion = text?.version ?? null;
      return { redisReached: true, publishedVersion, unreadable, counters: state.health, fitting };
    } catch (error) {
      if (!(error instanceof SpendStoreUnavailable))
        of.logger.error({ err: error }, 'rules could not be read');
      return { ...NOTHING_SEEN, unreadable };
    }
  };

  const refresh = async (): Promise<RulesStatus> => {
    underWay ??= look().finally(() => {
      underWay = undefined;
    });
    return await underWay;
  };

  // A look that is under way may have read before the publication, so another one follows it.
  const refreshAnew = async (): Promise<void> => {
    await underWay;
    await refresh();
  };

  const unsubscribe = await of.feed.subscribe(() => void refreshAnew());
  await refresh();
  const timer = setInterval(() => void refresh(), POLL_INTERVAL_MS);
  return {
    refresh,
    async close() {
      clearInterval(timer);
      await unsubscribe();
      await underWay;
    },
  };
}

/** The state that every bucket carries, seen through the one subject that is always there to ask for. */
async function readState(spend: SpendReader, timeoutMs: number) {
  const subjects = [{ subject: subjectKey(GLOBAL_SUBJECT), period: NO_PERIOD_ID }];
  return await spend.read({ subjects, timeoutMs });
}
