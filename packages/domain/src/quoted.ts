/** A text as error messages quote it: on one line and not too long. */
export function quoted(text: unknown): string {
  const shown = typeof text === 'string' ? text : String(text);
  return JSON.stringify(shown.length > 60 ? `${shown.slice(0, 60)}…` : shown);
}
