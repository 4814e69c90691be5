import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findProgram } from './find-program.ts';
import { freePort } from './free-port.ts';
import { REPOSITORY, bareEnvironment } from './repository.ts';
import { spawnServer } from './spawn-server.ts';
import { throwAwayFolder } from './throw-away-folder.ts';
import { waitFor } from './wait-for.ts';

export interface StartedLiteLlm {
  readonly url: string;
  readonly masterKey: string;
  /** Without one there are events and hooks only: no keys, customers or budgets of LiteLLM's own. */
  readonly hasDatabase: boolean;
  readonly how: string;
  stop(): Promise<void>;
}

interface LiteLlmOptions {
  /** Where it posts every spend event by its generic_api callback. */
  readonly eventsUrl: string;
  readonly token: string;
}

const VERSION = '1.106.2';
const USUAL_EVENTS_PORT = 4100;
const START_TIMEOUT_MS = 240_000;
/** The callback sends every event at once. By itself it waits for 512 of them, or 5 s. */
const CALLBACK = { DEFAULT_BATCH_SIZE: '1', DEFAULT_FLUSH_INTERVAL_SECONDS: '1' };

/** Where ingest must listen: a proxy at LITELLM_URL posts to the usual port, the others to wherever they are told. */
export async function liteLlmEventsPort(): Promise<number> {
  return isSet('LITELLM_URL') ? USUAL_EVENTS_PORT : await freePort();
}

/**
 * A real LiteLLM proxy with the models `gpt-4o-mini` and `claude-opus-4`, which answer from mocks at real prices: the one
 * at LITELLM_URL (with LITELLM_MASTER_KEY; its callback must post to port 4100 with `dev-ingest-token`), else
 * what the script named by LITELLM_REAL starts, with a database, else the one of PyPI in a virtual environment of the
 * project, without a database.
 * @throws Error saying what is missing.
 */
export async function startLiteLlm(options: LiteLlmOptions): Promise<StartedLiteLlm> {
  if (isSet('LITELLM_URL')) return await given();
  if (isSet('LITELLM_REAL')) return await startByScript(resolve(process.env['LITELLM_REAL'] ?? ''), options);
  return await startFromPyPi(options);
}

function isSet(name: string): boolean {
  return (process.env[name]?.trim() ?? '') !== '';
}

async function given(): Promise<StartedLiteLlm> {
  const url = (process.env['LITELLM_URL'] ?? '').replace(/\/$/, '');
  const answer = await fetch(`${url}/health/readiness`, { signal: AbortSignal.timeout(10_000) });
  return {
    url,
    masterKey: process.env['LITELLM_MASTER_KEY'] ?? 'sk-1234',
    hasDatabase: (await answer.text()).includes('"db":"connected"'),
    how: 'LiteLLM at LITELLM_URL',
    stop: async () => undefined,
  };
}

async function startByScript(script: string, options: LiteLlmOptions): Promise<StartedLiteLlm> {
  if (!existsSync(script)) throw new Error(`LITELLM_REAL names ${script}, which is not there.`);
  const port = await freePort();
  const home = process.env['LITELLM_REAL_HOME'];
  const env = {
    ...bareEnvironment(),
    ...(home === undefined ? {} : { LITELLM_REAL_HOME: home }),
    SPENDGATE_EVENTS_URL: options.eventsUrl,
    SPENDGATE_INGEST_TOKEN: options.token,
    ...CALLBACK,
  };
  // Not by a pipe: what it leaves running would hold the pipe open for ever.
  const run = (args: readonly string[], timeout: number): number | null =>
    spawnSync(script, args, { env, stdio: ['ignore', 'ignore', 'inherit'], timeout }).status;
  run(['stop'], 60_000);
  const ports = ['--port', String(port), '--pg-port', String(await freePort())];
  if (run(['start', ...ports], 2 * START_TIMEOUT_MS) !== 0)
    throw new Error(`${script} start failed, see above.`);
  return {
    url: `http://127.0.0.1:${port}`,
    masterKey: 'sk-1234',
    hasDatabase: true,
    how: `LiteLLM started by ${script}`,
    stop: async () => void run(['stop'], 60_000),
  };
}

async function startFromPyPi(options: LiteLlmOptions): Promise<StartedLiteLlm> {
  const venv = installFromPyPi();
  const folder = throwAwayFolder();
  const config = join(folder, 'config.yaml');
  const masterKey = `sk-${randomBytes(18).toString('hex')}`;
  writeFileSync(config, liteLlmConfig(options), { mode: 0o600 });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await spawnServer({
    command: join(venv, 'bin', 'litellm'),
    args: ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--telemetry', 'False'],
    cwd: folder,
    env: {
      ...bareEnvironment(),
      PATH: `${join(venv, 'bin')}:${process.env['PATH'] ?? ''}`,
      PYTHONUNBUFFERED: '1',
      LITELLM_MODE: 'PRODUCTION',
      LITELLM_MASTER_KEY: masterKey,
      // What it would otherwise fetch from the web at its start.
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS: 'True',
      LITELLM_LOCAL_AUTOROUTER_PRESETS: 'True',
      LITELLM_LOCAL_BLOG_POSTS: 'True',
      LITELLM_LOCAL_POLICY_TEMPLATES: 'True',
      ...CALLBACK,
      NO_PROXY: '127.0.0.1,localhost',
    },
  });
  const ready = async (): Promise<boolean> =>
    server.hasExited() || (await fetch(`${url}/health/readiness`, { signal: AbortSignal.timeout(5_000) })).ok;
  await waitFor(ready, { what: 'LiteLLM to answer', timeoutMs: START_TIMEOUT_MS, intervalMs: 250 });
  if (server.hasExited()) throw new Error(`LiteLLM ended right after its start:\n${server.output()}`);
  return {
    url,
    masterKey,
    hasDatabase: false,
    how: `LiteLLM ${VERSION} from PyPI, without a database`,
    stop: async () => void (await server.stop({ timeoutMs: 10_000 })),
  };
}

function installFromPyPi(): string {
  const venv = join(REPOSITORY, '.cache', `litellm-${VERSION}`);
  const mark = join(venv, 'installed');
  if (existsSync(mark)) return venv;
  const python = findPython();
  process.stderr.write(`  · Installing LiteLLM ${VERSION} from PyPI (one to three minutes, once)\n`);
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(join(REPOSITORY, '.cache'), { recursive: true });
  for (const [command, args] of [
    [python, ['-m', 'venv', venv]],
    [
      join(venv, 'bin', 'pip'),
      ['install', '--quiet', '--disable-pip-version-check', `litellm[proxy]==${VERSION}`],
    ],
  ] as const) {
    const ran = spawnSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 600_000,
    });
    if (ran.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${ran.stdout}${ran.stderr}`);
  }
  writeFileSync(mark, VERSION);
  return venv;
}

function findPython(): string {
  const check = 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info < (3, 14))';
  for (const name of ['python3.12', 'python3.11', 'python3.13', 'python3.10', 'python3']) {
    const python = findProgram(name);
    if (python !== undefined && spawnSync(python, ['-c', check], { timeout: 30_000 }).status === 0)
      return python;
  }
  throw new Error(
    'The tests with LiteLLM need Python 3.10 to 3.13 with its venv module (Debian: apt-get install python3-venv), or LITELLM_URL.',
  );
}

function liteLlmConfig(options: LiteLlmOptions): string {
  const model = (name: string, provider: string): string =>
    `  - model_name: ${name}\n    litellm_params: { model: ${provider}, api_key: mock, mock_response: "A mocked answer of ${name}." }\n`;
  return `model_list:
${model('gpt-4o-mini', 'openai/gpt-4o-mini')}${model('claude-opus-4', 'anthropic/claude-opus-4-5')}litellm_settings:
  callbacks: ["spendgate_events"]
callback_settings:
  spendgate_events:
    callback_type: generic_api
    endpoint: ${options.eventsUrl}
    headers: { Authorization: "Bearer ${options.token}" }
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
`;
}
