import { Overloaded } from '@spendgate/domain';
import type { SpendReader } from './counter-copy-port.ts';

/**
 * Lets at most `mostInFlight` reads run at once. One more is refused at once instead of queued: a
 * queue before a slow store would only make every answer late.
 * @throws Overloaded from `read`
 */
export function boundedSpendReader(reader: SpendReader, mostInFlight: number): SpendReader {
  let inFlight = 0;
  return {
    async read(of) {
      if (inFlight >= mostInFlight) throw new Overloaded('Too many checks are in flight.');
      inFlight += 1;
      try {
        return await reader.read(of);
      } finally {
        inFlight -= 1;
      }
    },
  };
}
