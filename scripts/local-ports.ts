import { isPortFree } from '@spendgate/testkit/servers';
import type { ServiceName } from '@spendgate/testkit/servers';

const DEFAULTS: Readonly<Record<ServiceName, readonly [variable: string, port: number]>> = {
  ingest: ['INGEST_PORT', 4100],
  enforcer: ['ENFORCER_PORT', 4200],
  jobs: ['JOBS_PORT', 4300],
};

export type LocalPorts = Readonly<Record<ServiceName, number>>;

/**
 * The ports of the three services.
 * @throws Error naming the port and the variable that chooses another, when one is taken or is no port.
 */
export async function localPorts(env: Readonly<Record<string, string | undefined>>): Promise<LocalPorts> {
  const chosen = {
    ingest: await choose('ingest', env),
    enforcer: await choose('enforcer', env),
    jobs: await choose('jobs', env),
  };
  if (new Set(Object.values(chosen)).size < 3) {
    throw new Error('INGEST_PORT, ENFORCER_PORT and JOBS_PORT must be three different ports.');
  }
  return chosen;
}

async function choose(name: ServiceName, env: Readonly<Record<string, string | undefined>>): Promise<number> {
  const [variable, usual] = DEFAULTS[name];
  const text = env[variable]?.trim() ?? '';
  const port = text === '' ? usual : Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`${variable} must be a port, a whole number from 1 to 65535.`);
  }
  if (!(await isPortFree(port))) {
    throw new Error(
      `Port ${port} (${name}) is taken by another program. Stop it, or choose another port: ${variable}=${port + 1000}`,
    );
  }
  return port;
}
