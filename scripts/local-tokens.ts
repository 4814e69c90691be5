import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const DEV_TOKENS = {
  INGEST_TOKENS: 'dev-ingest-token',
  ENFORCER_TOKENS: 'dev-check-token',
  READ_TOKENS: 'dev-read-token',
  ADMIN_TOKENS: 'dev-admin-token',
} as const;
type TokenVariable = keyof typeof DEV_TOKENS;
const VARIABLES = ['INGEST_TOKENS', 'ENFORCER_TOKENS', 'READ_TOKENS', 'ADMIN_TOKENS'] as const;

export interface LocalTokens {
  /** What the services get. */
  readonly env: Readonly<Record<string, string>>;
  /** A token that works, per variable; null where only the operator knows it. */
  readonly known: Readonly<Record<TokenVariable, string | null>>;
  /** The variables for which nothing was set. */
  readonly madeUp: readonly TokenVariable[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The operator's tokens where there are some, else the well-known ones for a machine of one's own. */
export function localTokens(env: Environment): LocalTokens {
  const madeUp = VARIABLES.filter((name) => isUnset(env[name]) && isUnset(env[`${name}_FILE`]));
  const settings: Record<string, string> = {};
  const known: Record<TokenVariable, string | null> = {
    INGEST_TOKENS: null,
    ENFORCER_TOKENS: null,
    READ_TOKENS: null,
    ADMIN_TOKENS: null,
  };
  for (const name of VARIABLES) {
    if (madeUp.includes(name)) {
      known[name] = DEV_TOKENS[name];
      settings[name] = `dev:${DEV_TOKENS[name]}`;
      continue;
    }
    for (const form of [name, `${name}_FILE`]) {
      const value = env[form];
      if (value !== undefined) settings[form] = value;
    }
  }
  return { env: settings, known, madeUp };
}

/** As `localTokens`, and a token of our own beside the operator's, so that all of them are known. */
export function demoTokens(env: Environment): LocalTokens {
  const local = localTokens(env);
  const settings: Record<string, string> = {};
  const known = { ...local.known };
  for (const name of VARIABLES) {
    known[name] ??= randomBytes(18).toString('hex');
    const file = env[`${name}_FILE`];
    const given = local.madeUp.includes(name)
      ? ''
      : (env[name] ?? (file === undefined ? '' : readFileSync(file, 'utf8')));
    settings[name] = `${given.trim()}\ndemo:${known[name]}`.trim();
  }
  return { env: settings, known, madeUp: local.madeUp };
}

function isUnset(value: string | undefined): boolean {
  return value === undefined || value.trim() === '';
}
