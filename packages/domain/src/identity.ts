import type { BudgetCategory, Catalogue } from './budget.ts';
import { InvariantBroken } from './errors.ts';
import type { IdentitySuffix } from './rules.ts';

/** How a call came in: from the web or the API, or from the command line client. */
export type Channel = 'platform' | 'cli';

/** Whom a call is charged to. */
export interface ResolvedIdentity {
  readonly base: string;
  readonly identity: string;
  readonly category: BudgetCategory;
  readonly budgetId: string | null;
}

/** TODO(doc) */
export function resolveIdentity(of: {
  readonly endUser: string | null | undefined;
  readonly modelNames: readonly (string | null | undefined)[];
  readonly channel?: Channel | null | undefined;
  readonly catalogue: Catalogue;
  readonly premiumAliases: readonly string[];
  readonly identitySuffix?: IdentitySuffix | undefined;
}): ResolvedIdentity | null {
  throw new InvariantBroken(`not built yet: ${String(of.endUser)}`);
}
