/** Spreads texts over `count` slots; any rule will do, if it is always the same. */
export function slotOf(text: string, count: number): number {
  let sum = 0;
  for (let at = 0; at < text.length; at += 1) sum = (sum * 31 + text.charCodeAt(at)) % 65_521;
  return sum % count;
}
