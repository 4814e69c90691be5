import { z } from 'zod';

/** The shape of every error answer; see `ErrorBody` of the runtime. */
export const errorReply = z.object({ error: z.looseObject({ type: z.string(), message: z.string() }) });

const PAGE_MAX = 1_000;
const PAGE_DEFAULT = '100';

/** A page of a list: `cursor` is the `next_cursor` of the page before. */
export const pageQuery = {
  cursor: z.string().min(1).max(1_024).optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/u, 'must be a whole number')
    .default(PAGE_DEFAULT)
    .transform(Number)
    .pipe(z.int().min(1).max(PAGE_MAX)),
};

/** The next page's cursor: the last item's id when the page is full, else null. */
export function nextCursor(
  items: readonly { readonly id: string }[],
  of: { readonly limit: number },
): string | null {
  return items.length < of.limit ? null : (items.at(-1)?.id ?? null);
}
