/**
 * Whether a model is premium: any non-blank alias is a case-insensitive substring of its public name, which is
 * the first non-blank of `names` (an event's model group, then its model). False without a name or an alias.
 */
export function isPremiumModel(
  aliases: readonly string[],
  names: readonly (string | null | undefined)[],
): boolean {
  const name = publicModelName(names);
  return name !== null && aliases.some((alias) => matches(alias, name));
}

/** The first non-blank of the names by which a call knows its model; null when there is none. */
export function publicModelName(names: readonly (string | null | undefined)[]): string | null {
  for (const name of names) {
    if (name !== null && name !== undefined && name.trim() !== '') return name;
  }
  return null;
}

function matches(alias: string, name: string): boolean {
  const wanted = alias.trim().toLowerCase();
  return wanted !== '' && name.toLowerCase().includes(wanted);
}
