export { createEnforcer } from './create-enforcer.ts';
export type { Enforcer, EnforcerStores } from './create-enforcer.ts';
export { connectStores } from './connect-stores.ts';
export type { ConnectedStores } from './connect-stores.ts';
export { parseConfig } from './config.ts';
export type { EnforcerConfig } from './config.ts';
export type { RulesFeed } from './rules-follower.ts';
