import { InvariantBroken } from './errors.ts';
import type { PublishedRules } from './rules.ts';
import type { AttributedEvent, SpendEvent } from './spend-event.ts';

export function attribute(rules: PublishedRules, event: SpendEvent): AttributedEvent {
  throw new InvariantBroken(`not built yet: ${rules.version} ${event.id}`);
}
