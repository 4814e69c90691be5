import type { PublishedRules } from '@spendgate/domain';

/** Versions kept: the one in force, one before it for buckets that lag, and those still to come. */
const MOST_VERSIONS = 16;

/** The published rules a checker holds, and which of them counters are counted by right now. */
export interface CheckRules {
  /** The rules to read with first; undefined before any were adopted. */
  preferred(): PublishedRules | undefined;
  /** The highest version held; 0 when there is none. */
  newestVersion(): number;
  /** Takes in a published version, in place of one of the same number. */
  adopt(rules: PublishedRules): void;
  /**
   * The newest rules that counters whose state carries `stateVersion` are counted by, and makes them
   * the preferred ones. Undefined when all held are newer, or when the state has been ahead of every
   * version held for longer than the grace: then counters and rules do not belong together.
   */
  use(of: { readonly stateVersion: number; readonly at: Date }): PublishedRules | undefined;
}

/**
 * New rules take effect once the counters' state carries their version, so that a check never reads
 * counters of another scheme than the one it asks for. For `graceMs` the state may be ahead of the
 * newest rules held, as when a publication's message is late or lost.
 */
export function createCheckRules(of: { readonly graceMs: number }): CheckRules {
  let held: readonly PublishedRules[] = [];
  let preferred: PublishedRules | undefined;
  let behindSince: Date | undefined;

  const withinGrace = (at: Date): boolean => {
    behindSince ??= at;
    return at.getTime() - behindSince.getTime() <= of.graceMs;
  };

  return {
    preferred: () => preferred,
    newestVersion: () => held.at(-1)?.version ?? 0,
    adopt(rules) {
      const others = held.filter((known) => known.version !== rules.version);
      const sorted = [...others, rules].toSorted((left, right) => left.version - right.version);
      held = withoutOldest({ sorted, inForce: preferred });
      if (preferred === undefined || preferred.version === rules.version) preferred = rules;
    },
    use({ stateVersion, at }) {
      if (preferred?.version === stateVersion) {
        behindSince = undefined;
        return preferred;
      }
      const newest = held.at(-1);
      if (newest !== undefined && stateVersion > newest.version) {
        if (!withinGrace(at)) return undefined;
      } else behindSince = undefined;
      const right = held.findLast((rules) => rules.version <= stateVersion);
      if (right !== undefined) preferred = right;
      return right;
    },
  };
}

/** Keeps everything from one version before the rules in force on, within the bound. */
function withoutOldest(of: {
  readonly sorted: readonly PublishedRules[];
  readonly inForce: PublishedRules | undefined;
}): readonly PublishedRules[] {
  const at = of.sorted.findIndex((rules) => rules.version === of.inForce?.version);
  return of.sorted.slice(Math.max(0, at - 1)).slice(-MOST_VERSIONS);
}
