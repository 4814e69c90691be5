import type { AttributionSettings, IdentitySuffix } from '@spendgate/domain';

/** Attribution as this service's environment says it; null where it says nothing. */
export interface OwnSettings {
  readonly premiumAliases: readonly string[] | null;
  readonly identitySuffix: IdentitySuffix | null;
  readonly cliUserAgents: readonly string[] | null;
}

/**
 * The variables that contradict the published rules. Only these are used, on both sides, but a variable
 * that says otherwise is a mistake that somebody should hear of. Order and case of names do not matter.
 */
export function contradictions(own: OwnSettings, published: AttributionSettings): readonly string[] {
  const compared = [
    ['LITELLM_PREMIUM_MODELS_ALIASES', own.premiumAliases, published.premiumAliases],
    ['CLI_USER_AGENTS', own.cliUserAgents, published.cliUserAgents],
    [
      'IDENTITY_SUFFIX',
      own.identitySuffix === null ? null : [own.identitySuffix],
      [published.identitySuffix],
    ],
  ] as const;
  return compared
    .filter(([, mine, theirs]) => mine !== null && canonical(mine) !== canonical(theirs))
    .map(([variable]) => variable);
}

function canonical(names: readonly string[]): string {
  return JSON.stringify([...new Set(names.map((name) => name.trim().toLowerCase()))].toSorted());
}
