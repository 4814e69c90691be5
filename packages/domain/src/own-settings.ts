import type { AttributionSettings, IdentitySuffix } from './rules.ts';

/** Settings that a service was started with but takes from the published rules; null where not set. */
export interface OwnSettings {
  readonly premiumAliases: readonly string[] | null;
  readonly identitySuffix: IdentitySuffix | null;
  readonly cliUserAgents: readonly string[] | null;
}

/**
 * The variables whose own value differs from the published one; the order and the case of names do not
 * matter. Checks and charges would pick different identities if both sides did not agree.
 */
export function differingSettings(own: OwnSettings, published: AttributionSettings): readonly string[] {
  const differing: string[] = [];
  if (own.premiumAliases !== null && !sameNames(own.premiumAliases, published.premiumAliases)) {
    differing.push('LITELLM_PREMIUM_MODELS_ALIASES');
  }
  if (own.identitySuffix !== null && own.identitySuffix !== published.identitySuffix) {
    differing.push('IDENTITY_SUFFIX');
  }
  if (own.cliUserAgents !== null && !sameNames(own.cliUserAgents, published.cliUserAgents)) {
    differing.push('CLI_USER_AGENTS');
  }
  return differing;
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return JSON.stringify(normal(left)) === JSON.stringify(normal(right));
}

function normal(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.trim().toLowerCase()))].toSorted();
}
