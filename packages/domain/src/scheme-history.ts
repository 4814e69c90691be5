import { InvariantBroken } from './errors.ts';
import type { Period, PeriodScheme } from './period.ts';
import type { SchemeInForce } from './rules.ts';

export function periodInForce(history: readonly SchemeInForce[], at: Date): Period {
  throw new InvariantBroken(`not built yet: ${history.length} ${at.getTime()}`);
}

export function nextSchemes(of: {
  readonly history: readonly SchemeInForce[] | null;
  readonly scheme: PeriodScheme;
  readonly now: Date;
}): readonly SchemeInForce[] {
  throw new InvariantBroken(`not built yet: ${String(of.scheme.duration)}`);
}
