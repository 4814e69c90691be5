/**
 * What `work` gives, or a failure once `timeoutMs` are over. The work itself goes on: only for what is harmless to
 * finish late or to do again.
 */
export async function withinTime<Result>(
  of: { readonly timeoutMs: number; readonly late: () => Error },
  work: Promise<Result>,
): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  // After a stall of this process timers come first: what has arrived meanwhile is read before the immediate.
  const timer = setTimeout(() => setImmediate(() => reject(of.late())), of.timeoutMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
