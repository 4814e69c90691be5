/** Runs `calls` in their order, at most `most` at once; rejects with the first failure and starts no more. */
export async function inFlight(calls: readonly (() => Promise<unknown>)[], most: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let call = calls[next]; call !== undefined; call = calls[next]) {
      next += 1;
      try {
        await call();
      } catch (error) {
        next = calls.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, calls.length) }, worker));
}
