import { startService } from '@spendgate/testkit/servers';
import type { ServiceName } from '@spendgate/testkit/servers';

/** A service as it runs in production: the real entry point, its environment, its own process. */
export interface ServiceProcess {
  readonly pid: number;
  readonly url: string;
  /** Holds it still and lets it go on, so that work can pile up before it. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

/** Starts a service and waits until it is ready. With `profileDir` it writes a CPU profile there as it ends. */
export async function startServiceProcess(of: {
  readonly name: ServiceName;
  readonly env: Readonly<Record<string, string>>;
  readonly profileDir: string | null;
}): Promise<ServiceProcess> {
  const profile =
    of.profileDir === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${of.profileDir}` };
  const service = await startService(of.name, {
    env: { NODE_ENV: 'production', ...profile, ...of.env },
    timeoutMs: START_TIMEOUT_MS,
  });
  return {
    pid: service.pid,
    url: service.url,
    pause: () => process.kill(service.pid, 'SIGSTOP'),
    resume: () => process.kill(service.pid, 'SIGCONT'),
    stop: async () => {
      await service.stop();
    },
  };
}
