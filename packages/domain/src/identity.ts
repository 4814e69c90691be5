import { BUDGET_CATEGORIES } from './budget.ts';
import type { Budget, BudgetCategory, Catalogue } from './budget.ts';
import { cleanCustomer } from './customer.ts';
import { isPremiumModel } from './premium.ts';
import type { IdentitySuffix } from './rules.ts';

/** How a call came in: from the web or the API, or from the command line client. */
export type Channel = 'platform' | 'cli';

/** Whom a call is charged to. `base` is the customer, `identity` the customer id that carries the category. */
export interface ResolvedIdentity {
  readonly base: string;
  readonly identity: string;
  readonly category: BudgetCategory;
  /** The category's default budget; null when it has none, and for project customers. */
  readonly budgetId: string | null;
}

/**
 * Finds whom a call is charged to; null when it names no customer (null, blank, "-").
 *
 * An id may be a derived identity already: `_{budget_id}` of any cli or premium budget of the catalogue and CodeMie's
 * `_codemie_cli` and `_codemie_premium_models` are recognised, the longest first, and stripped once, never down to
 * nobody. Then the category is, in this order: premium if the model is premium (an alias matches) and a premium budget
 * exists; the one of the suffix; cli if the call came by that channel and a cli budget exists; platform. So there is
 * one identity per base and category, and resolving an identity again gives the same base and category.
 *
 * We write the suffix `_{budget_id}` (`identitySuffix` budget_id, the default) or CodeMie's fixed one (category, or
 * where the category has no budget); the other of the two where the first would be read as another identity.
 * Project customers (`codemie:project:…:category:…:user:…`) are taken whole: their category stands in the id, and
 * no default budget is theirs.
 */
export function resolveIdentity(of: {
  readonly endUser: string | null | undefined;
  readonly modelNames: readonly (string | null | undefined)[];
  readonly channel?: Channel | null | undefined;
  readonly catalogue: Catalogue;
  readonly premiumAliases: readonly string[];
  readonly identitySuffix?: IdentitySuffix | undefined;
}): ResolvedIdentity | null {
  const found = findIdentity({
    endUser: of.endUser,
    premium: isPremiumModel(of.premiumAliases, of.modelNames),
    channel: of.channel ?? 'platform',
    catalogue: of.catalogue,
    budgetIds: defaultBudgetIds(of.catalogue, null),
    identitySuffix: of.identitySuffix ?? 'budget_id',
  });
  if (found === undefined) return null;
  const { base, identity, category, budgetId } = found;
  return { base, identity, category, budgetId };
}

/** The budget that customers have by default, per category. */
export type DefaultBudgetIds = Readonly<Record<BudgetCategory, string | null>>;

/** An identity with whether its category's default budget and periods are its own. */
export interface FoundIdentity extends ResolvedIdentity {
  readonly isProjectCustomer: boolean;
}

/** As `resolveIdentity`, with what the rules know already: whether the model is premium, and the default budgets. */
export function findIdentity(of: {
  readonly endUser: string | null | undefined;
  readonly premium: boolean;
  readonly channel: Channel;
  readonly catalogue: Catalogue;
  readonly budgetIds: DefaultBudgetIds;
  readonly identitySuffix: IdentitySuffix;
}): FoundIdentity | undefined {
  const { catalogue, budgetIds, identitySuffix } = of;
  const customer = cleanCustomer(of.endUser);
  if (customer === null) return undefined;
  const projectCategory = findProjectCategory(customer);
  if (projectCategory !== undefined) {
    const whole = { base: customer, identity: customer, category: projectCategory };
    return { ...whole, budgetId: null, isProjectCustomer: true };
  }
  const derived = splitIdentity(customer, catalogue);
  const isPremium = of.premium && budgetIds.premium_models !== null;
  const isCli = of.channel === 'cli' && budgetIds.cli !== null;
  const category = isPremium ? 'premium_models' : (derived.category ?? (isCli ? 'cli' : 'platform'));
  const budgetId = budgetIds[category];
  const identity = writeIdentity({ base: derived.base, category, budgetId, catalogue, identitySuffix });
  return { base: derived.base, identity, category, budgetId, isProjectCustomer: false };
}

/** The default budgets: the platform one that is named, if it exists, else each category's first. */
export function defaultBudgetIds(catalogue: Catalogue, platformBudgetId: string | null): DefaultBudgetIds {
  const firstOf = (category: BudgetCategory): string | null =>
    catalogue.budgets.find((budget) => budget.category === category)?.budgetId ?? null;
  const isNamed = (budget: Budget): boolean =>
    budget.budgetId === platformBudgetId && budget.category === 'platform';
  return {
    platform: catalogue.budgets.some(isNamed) ? platformBudgetId : firstOf('platform'),
    cli: firstOf('cli'),
    premium_models: firstOf('premium_models'),
  };
}

type DerivedCategory = Exclude<BudgetCategory, 'platform'>;

interface Suffix {
  readonly text: string;
  readonly category: DerivedCategory;
}

const CODEMIE_SUFFIXES: Readonly<Record<DerivedCategory, string>> = {
  cli: '_codemie_cli',
  premium_models: '_codemie_premium_models',
};
const PROJECT_CUSTOMER = /^codemie:project:.+?:category:([^:]+):user:.*$/su;

/** Longest first. Derived from the catalogue alone, once for each. */
const suffixesOf = new WeakMap<Catalogue, readonly Suffix[]>();

function knownSuffixes(catalogue: Catalogue): readonly Suffix[] {
  const known = suffixesOf.get(catalogue);
  if (known !== undefined) return known;
  const ofBudgets = catalogue.budgets.flatMap(({ budgetId, category }): Suffix[] =>
    category === 'cli' || category === 'premium_models' ? [{ text: `_${budgetId}`, category }] : [],
  );
  const all: Suffix[] = [
    // At equal length the catalogue's meaning comes first, for sorting is stable.
    ...ofBudgets,
    { text: CODEMIE_SUFFIXES.cli, category: 'cli' },
    { text: CODEMIE_SUFFIXES.premium_models, category: 'premium_models' },
  ];
  const sorted = all.toSorted((a, b) => b.text.length - a.text.length);
  suffixesOf.set(catalogue, sorted);
  return sorted;
}

function splitIdentity(
  customer: string,
  catalogue: Catalogue,
): { readonly base: string; readonly category: DerivedCategory | undefined } {
  for (const { text, category } of knownSuffixes(catalogue)) {
    const base = customer.endsWith(text) ? cleanCustomer(customer.slice(0, -text.length)) : null;
    if (base !== null) return { base, category };
  }
  return { base: customer, category: undefined };
}

function writeIdentity(of: {
  readonly base: string;
  readonly category: BudgetCategory;
  readonly budgetId: string | null;
  readonly catalogue: Catalogue;
  readonly identitySuffix: IdentitySuffix;
}): string {
  const { base, category, budgetId, catalogue } = of;
  if (category === 'platform') return base;
  const fixed = base + CODEMIE_SUFFIXES[category];
  if (budgetId === null) return fixed;
  const own = `${base}_${budgetId}`;
  const [preferred, other] = of.identitySuffix === 'category' ? [fixed, own] : [own, fixed];
  const isReadAsWritten = (identity: string): boolean => {
    const read = splitIdentity(identity, catalogue);
    return read.base === base && read.category === category;
  };
  return !isReadAsWritten(preferred) && isReadAsWritten(other) ? other : preferred;
}

/** Whether an identity is a CodeMie project's customer, whose periods never end. */
export function isProjectCustomer(identity: string): boolean {
  return findProjectCategory(identity) !== undefined;
}

/** The category in the id of a CodeMie project's customer, platform when it names none of ours. */
function findProjectCategory(customer: string): BudgetCategory | undefined {
  if (!customer.startsWith('codemie:project:')) return undefined;
  const named = PROJECT_CUSTOMER.exec(customer)?.[1];
  return named === undefined ? undefined : (BUDGET_CATEGORIES.find((known) => known === named) ?? 'platform');
}
