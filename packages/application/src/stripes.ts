import type { SubjectKey } from '@spendgate/domain';

/** How many rows share a striped subject's counter, one per writer; readers add them up. */
export const STRIPE_COUNT = 8;

/** Every kind but `customer`: those are shared by many writers at once, a customer has one. */
export function isStriped(subject: SubjectKey): boolean {
  return !subject.startsWith('customer:');
}
