export type { ConfigProblem } from './config-problem.ts';
export { BUILT_IN_CATALOGUE, parseBudgetsConfig } from './budgets-config.ts';
export type { ParsedBudgetsConfig } from './budgets-config.ts';
export { DEFAULT_SPENDGATE_SETTINGS, parseSpendgateConfig } from './spendgate-config.ts';
export type { ParsedSpendgateConfig, SpendgateSettings } from './spendgate-config.ts';
export { decodeRules, encodeRules } from './rules-text.ts';
export { parseNameList } from './name-list.ts';
export {
  asSecret,
  flag,
  httpUrl,
  integer,
  isSecretField,
  nameList,
  postgresUrl,
  redisUrl,
  secret,
  url,
} from './environment-fields.ts';
export { InvalidEnvironment, readEnvironment } from './environment.ts';
