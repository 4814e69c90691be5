// The first script of every command. Plain JavaScript for any Node from 20 on, with nothing installed: it installs the
// dependencies where that is due, then runs the TypeScript file it was given under the Node that the project pins.
//
//   node scripts/bootstrap.mjs scripts/demo.ts [arguments]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const PINNED_NODE = join(MODULES, '.bin', 'node');
const STAMP = join(MODULES, '.spendgate-installed');
const LEAST_NODE = 20;

let heldLock;

/** Installs what is missing, runs the file with these arguments, and ends this process as the file's process ended. */
export async function bootstrap({ file, args }) {
  checkNode();
  await installDependencies();
  const flags = ['--conditions=@spendgate/source', '--disable-warning=ExperimentalWarning'];
  // A process group of its own: Ctrl-C in a terminal then reaches it through us only, and so once.
  const child = spawn(PINNED_NODE, [...flags, file, ...args], { stdio: 'inherit', detached: true });
  child.once('error', (error) => fail(`Node 24 from node_modules could not be started: ${error.message}`));
  forwardSignals(child);
  child.once('exit', (code, signal) =>
    process.exit(signal === null ? code : 128 + constants.signals[signal]),
  );
}

// npm passes on to us what the terminal has sent us already. What comes within this time is the same key press.
const SAME_KEY_PRESS_MS = 1_000;

function forwardSignals(child) {
  const lastAt = { SIGINT: 0, SIGTERM: 0, SIGHUP: 0 };
  for (const signal of Object.keys(lastAt)) {
    process.on(signal, () => {
      const now = Date.now();
      if (now - lastAt[signal] < SAME_KEY_PRESS_MS) return;
      lastAt[signal] = now;
      child.kill(signal);
    });
  }
}

function checkNode() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major >= LEAST_NODE) return;
  fail(
    `Spendgate needs Node ${LEAST_NODE} or newer to begin with; this is ${process.versions.node} (${process.execPath}).`,
  );
}

async function installDependencies() {
  if (isInstalled()) return;
  heldLock = await lockInstall();
  try {
    if (isInstalled()) return;
    say(
      existsSync(MODULES)
        ? 'The dependencies have changed: running npm ci'
        : 'First run here: running npm ci',
    );
    const began = Date.now();
    npmCi();
    writeFileSync(STAMP, lockHash());
    say(`Dependencies installed in ${Math.round((Date.now() - began) / 1000)} s`);
  } finally {
    giveLockBack();
  }
}

function isInstalled() {
  if (!existsSync(PINNED_NODE)) return false;
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lockHash()) return true;
  if (!agreesWithLock()) return false;
  writeFileSync(STAMP, lockHash());
  return true;
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
}

/** Whether somebody's own `npm install` put in place what package-lock.json asks for. */
function agreesWithLock() {
  const hidden = join(MODULES, '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional, devOptional, link }]) =>
      !path.startsWith('node_modules/') ||
      installed[path]?.version === version ||
      (link === true && installed[path]?.link === true) ||
      (installed[path] === undefined && (optional === true || devOptional === true)),
  );
}

function npmCi() {
  // Started by `npm -w`, npm would otherwise install for that workspace only.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_config_(workspaces?|local_prefix|include_workspace_root)$/i.test(name),
    ),
  );
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const ofNpm = process.env.npm_execpath;
  const [command, first] = ofNpm?.endsWith('.js') === true ? [process.execPath, [ofNpm]] : ['npm', []];
  const ran = spawnSync(command, [...first, ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (ran.error !== undefined)
    fail(`npm could not be started: ${ran.error.message}. Install npm and try again.`);
  if (ran.status !== 0) {
    fail(
      'npm ci failed, see above. Check that the npm registry can be reached, then run the same command again.',
    );
  }
  const node = spawnSync(PINNED_NODE, ['--version'], { encoding: 'utf8' });
  if (node.status === 0) return;
  fail(
    'npm ci did not install Node 24. Are install scripts turned off? Run: npm ci --include=dev --ignore-scripts=false',
  );
}

/** Two commands in a new clone at once must not both install. */
async function lockInstall() {
  const lock = join(ROOT, '.cache', 'install.lock');
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  for (let told = false; ;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      return lock;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(lock)) rmSync(lock, { recursive: true, force: true });
    else if (!told) told = say('Another command is installing the dependencies: waiting for it');
    await new Promise((done) => setTimeout(done, 500));
  }
}

function giveLockBack() {
  if (heldLock !== undefined) rmSync(heldLock, { recursive: true, force: true });
  heldLock = undefined;
}

function isAbandoned(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    if (error.code === 'EPERM') return false;
    // The file is written a moment after its folder is made.
    return error.code === 'ESRCH' || !existsSync(lock) || Date.now() - statSync(lock).mtimeMs > 5_000;
  }
}

function say(line) {
  process.stderr.write(`spendgate: ${line}\n`);
  return true;
}

function fail(line) {
  say(line);
  giveLockBack();
  process.exit(1);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined) fail('Name the file to run: node scripts/bootstrap.mjs FILE [arguments]');
  await bootstrap({ file: resolve(ROOT, file), args });
}
