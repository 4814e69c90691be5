import type { BudgetCategory } from './budget.ts';
import { findIdentity } from './identity.ts';
import type { Channel, FoundIdentity } from './identity.ts';
import { NO_PERIOD } from './period.ts';
import type { Period } from './period.ts';
import { isPremiumModel, publicModelName } from './premium.ts';
import type { AttributionSettings, PublishedRules } from './rules.ts';
import { periodInForce } from './scheme-history.ts';

/** What a check and an event both know of a call; by this alone both find the same identity. */
export interface CallFacts {
  readonly endUser: string | null | undefined;
  /** The names by which the call knows its model, the public one first. */
  readonly modelNames: readonly (string | null | undefined)[];
  /** Where the caller says it; else the user agent tells. */
  readonly channel: Channel | null | undefined;
  readonly userAgent: string | null | undefined;
}

/** Finds whom a call is charged to by the published rules; undefined when it names no customer. */
export function findCallIdentity(rules: PublishedRules, call: CallFacts): FoundIdentity | undefined {
  return findIdentity({
    endUser: call.endUser,
    premium: isPremiumCall(rules.attribution, call.modelNames),
    channel: call.channel ?? channelOf(rules.attribution, call.userAgent),
    catalogue: rules.catalogue,
    budgetIds: rules.defaultBudgetIds,
    identitySuffix: rules.attribution.identitySuffix,
  });
}

/** The period in which an identity of that category spends at an instant; project customers' never ends. */
export function identityPeriod(
  rules: PublishedRules,
  of: { readonly category: BudgetCategory; readonly isProjectCustomer: boolean; readonly at: Date },
): Period {
  return of.isProjectCustomer ? NO_PERIOD : periodInForce(rules.schemes[of.category], of.at);
}

/** By the public name, or by a name that is published as deployed behind it. */
function isPremiumCall(
  settings: AttributionSettings,
  modelNames: readonly (string | null | undefined)[],
): boolean {
  const { premiumAliases, deployedModels } = settings;
  const name = publicModelName(modelNames);
  if (name === null) return false;
  const deployed = Object.hasOwn(deployedModels, name) ? (deployedModels[name] ?? []) : [];
  return [name, ...deployed].some((one) => isPremiumModel(premiumAliases, [one]));
}

/** An event keeps this much of its user agent, so a check must not look at more: both must find the same channel. */
const USER_AGENT_LENGTH = 512;

function channelOf(settings: AttributionSettings, userAgent: string | null | undefined): Channel {
  const agent = userAgent?.slice(0, USER_AGENT_LENGTH).toLowerCase() ?? '';
  const isCli = settings.cliUserAgents.some(
    (mark) => mark.trim() !== '' && agent.includes(mark.trim().toLowerCase()),
  );
  return isCli ? 'cli' : 'platform';
}
