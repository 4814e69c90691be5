// npm run demo: sets up everything this machine lacks, starts the system on data that is thrown away, and tells what
// Spendgate does with events captured from a real LiteLLM. With --once it ends after the story.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { throwAwayFolder } from '@spendgate/testkit/servers';
import type { ServiceName } from '@spendgate/testkit/servers';
import { printConnectHints } from './connect-hints.ts';
import { createDemoClient } from './demo-client.ts';
import { createWaitPrinter } from './demo-screen.ts';
import { DEMO_BUDGETS, DEMO_PREMIUM_ALIASES, tellStory } from './demo-story.ts';
import { localPorts } from './local-ports.ts';
import { startLocalSystem } from './local-system.ts';
import { demoTokens } from './local-tokens.ts';
import type { LocalTokens } from './local-tokens.ts';
import { readLogLine } from './log-line.ts';
import { runUntilStopped } from './run-until-stopped.ts';
import { padded, print, printFailure, printStep, styled } from './screen.ts';

const isOnce = process.argv.includes('--once');
const showsLogs = process.argv.includes('--logs');
const WARNING = 40;

process.on('exit', (code) => {
  if (code !== 0 && code !== 130) printFailure('The demo did not hold.');
});

await runUntilStopped('npm run demo', async (life) => {
  const beganAt = performance.now();
  const ports = await localPorts(process.env);
  const tokens = demoTokens(process.env);
  const dataDir = throwAwayFolder();
  if (tokens.madeUp.length > 0) {
    printStep(
      `Tokens: none set in ${tokens.madeUp.join(', ')}; using the well-known dev tokens (loopback only)`,
    );
  }
  const system = await startLocalSystem({
    dataDir,
    throwAway: true,
    ports,
    env: process.env,
    serviceEnv: demoEnvironment(dataDir, tokens),
    say: printStep,
    onLine: printLogLine,
    onStarting: life.onStarting,
  });
  printStep(`Ready after ${Math.round((performance.now() - beganAt) / 1000)} s`);
  const died = system.died.then(({ name, output }) => {
    throw new Error(`${name} ended by itself. It printed:\n${output.slice(-4_000)}`);
  });
  const client = createDemoClient({
    ingestUrl: `http://127.0.0.1:${ports.ingest}`,
    enforcerUrl: `http://127.0.0.1:${ports.enforcer}`,
    ingestToken: tokens.known.INGEST_TOKENS ?? '',
    checkToken: tokens.known.ENFORCER_TOKENS ?? '',
  });
  const pauseMs = process.stdout.isTTY ? 600 : 0;
  const story = await Promise.race([tellStory({ client, pauseMs, onWait: createWaitPrinter() }), died]);
  print();
  print(styled('green', `✓ All ${story.steps} steps held.`));
  if (isOnce) return 0;
  printConnectHints({ ports, tokens });
  print(styled('dim', 'It stays up, with budgets of 30 s, until Ctrl-C; then everything is thrown away.'));
  life.mayEnd();
  return await died;
});

function demoEnvironment(dataDir: string, tokens: LocalTokens): Record<string, string> {
  const config = join(dataDir, 'config');
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, 'budgets.yaml'), DEMO_BUDGETS);
  return {
    ...tokens.env,
    BUDGETS_CONFIG: join(config, 'budgets.yaml'),
    LITELLM_PREMIUM_MODELS_ALIASES: DEMO_PREMIUM_ALIASES,
    LLM_PROXY_BUDGET_SYNC_ENABLED: 'true',
    LLM_PROXY_BUDGET_CHECK_ENABLED: 'true',
  };
}

// The services' own lines would bury the story; what they warn of is shown.
function printLogLine(name: ServiceName, line: string): void {
  const { level, text } = readLogLine(line);
  if (line.trim() !== '' && (showsLogs || level >= WARNING))
    print(`${styled('cyan', padded(name, 8))} ${text}`);
}
