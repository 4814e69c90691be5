/** One thing a service needs. `detail` says in a few words what is wrong, without addresses or secrets. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

/** Asks everything a service needs, now. A service is ready when every check is `ok`. */
export type Readiness = () => Promise<readonly HealthCheck[]>;

/** Turns something that may throw into a check; the detail is the error's `code`, else its class. */
export async function checkHealth(name: string, ask: () => Promise<unknown>): Promise<HealthCheck> {
  try {
    await ask();
    return { name, ok: true };
  } catch (error) {
    return { name, ok: false, detail: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
