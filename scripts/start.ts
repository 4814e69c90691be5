// npm start: the whole system on this machine, its data kept under .data/ between starts.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '@spendgate/testkit/servers';
import type { ServiceName } from '@spendgate/testkit/servers';
import { printConnectHints } from './connect-hints.ts';
import { localPorts } from './local-ports.ts';
import { startLocalSystem } from './local-system.ts';
import { localTokens } from './local-tokens.ts';
import { readLogLine } from './log-line.ts';
import { noteRunning } from './running-system.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { padded, print, printFailure, printStep, styled } from './screen.ts';

await runUntilStopped('npm start', async (life) => {
  const ports = await localPorts(process.env);
  const tokens = localTokens(process.env);
  const dataDir = join(REPOSITORY, '.data');
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  if (tokens.madeUp.length > 0) {
    printStep(
      `Tokens: none set in ${tokens.madeUp.join(', ')}; using the well-known dev tokens (loopback only)`,
    );
  }
  const system = await startLocalSystem({
    dataDir,
    throwAway: false,
    ports,
    env: process.env,
    serviceEnv: { ...ownEnvironment(), ...tokens.env },
    say: printStep,
    onLine: printLogLine,
    onStarting: life.onStarting,
  });
  const forget = noteRunning({ ...system.stores, counterBuckets: process.env['COUNTER_BUCKETS'] });
  life.onStarting(async () => {
    forget();
    await system.stop();
  });
  printStep('All services are ready');
  printConnectHints({ ports, tokens });
  print(styled('dim', 'Ctrl-C stops everything.'));
  life.mayEnd();
  const ended = await system.died;
  const how = ended.end.signal ?? `exit code ${ended.end.code}`;
  printFailure(`${ended.name} ended by itself (${how}); stopping the others`);
  return 1;
});

/** Ours as the services' own, without what npm and Node added, and with the two switches on unless they were set. */
function ownEnvironment(): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|INIT_CWD$|PORT$)/.test(name));
  return {
    LLM_PROXY_BUDGET_SYNC_ENABLED: 'true',
    LLM_PROXY_BUDGET_CHECK_ENABLED: 'true',
    ...Object.fromEntries(kept),
  };
}

// That they are asked for their readiness all the time says nothing.
function printLogLine(name: ServiceName, line: string): void {
  if (line.trim() !== '' && !line.includes('"/readyz"'))
    print(`${styled('cyan', padded(name, 8))} ${readLogLine(line).text}`);
}
