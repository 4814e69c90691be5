/**
 * The customer that a call names, unchanged; null when it names none: null, blank, or "-", which callers
 * send for "nobody".
 */
export function cleanCustomer(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const trimmed = text.trim();
  return trimmed === '' || trimmed === '-' ? null : text;
}
