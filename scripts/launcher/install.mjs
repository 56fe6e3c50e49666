import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, dirname, join, sep } from 'node:path';
import { hasPackages, isComplete, lockFits, markComplete } from './complete.mjs';
import { withLock } from './lock.mjs';
import { isTooOld, packagedNode } from './node.mjs';

const SHOWN_LINES = 12;

/** The packages could not be installed; the message says why and what to do. */
export class InstallError extends Error {
  /**
   * @param {string} message
   * @param {number} exitCode what the launcher ends with
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Installs the packages unless they are there. Of several launchers at once, one installs and the others wait for it.
 * @param {string} root the project's folder
 * @param {string} target the script that is to run
 * @param {(line: string) => void} say
 * @param {string[]} words more options of npm
 * @throws {InstallError}
 */
export async function ensureInstalled(root, target, say, words = []) {
  if (isComplete(root, target)) return;
  // Not in node_modules, which npm ci removes.
  const lock = join(root, '.afterwrite', 'install-lock');
  const onWait = (/** @type {number} */ pid) => say(`Waiting for process ${pid}, which installs the packages …`);
  await withLock(lock, onWait, async (alsoHeldBy) => {
    if (isComplete(root, target)) return;
    const started = performance.now();
    // For npm, programs in node_modules and the Node package are development dependencies.
    const needsDev = isTooOld() || target.startsWith(join(root, 'node_modules') + sep);
    if (!hasPackages(root, target)) {
      await installPackages(root, needsDev ? ['--include=dev'] : words, say, alsoHeldBy);
    }
    if (isTooOld() && !existsSync(packagedNode(root))) await fetchNode(root, say, alsoHeldBy);
    markComplete(root);
    say(`Installed the packages in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  });
}

/**
 * @param {string} root
 * @param {string[]} options
 * @param {(line: string) => void} say
 * @param {(pid: number) => void} onStart
 */
async function installPackages(root, options, say, onStart) {
  const command = lockFits(root) ? 'ci' : 'install';
  say(`Installing the packages (npm ${command}) …`);
  try {
    await runNpm(root, [command, ...options], onStart);
  } catch (error) {
    if (command === 'install' || !(error instanceof InstallError) || !error.message.includes('EUSAGE')) throw error;
    // npm ci refuses a lock file that does not list the optional packages of every other platform; npm install takes
    // the versions that it does list, and is to leave the file as it is.
    say('npm ci finds the lock file incomplete; using npm install --no-save …');
    await runNpm(root, ['install', '--no-save', ...options], onStart);
  }
}

/**
 * The package `node` is there, but npm was told not to run the script that fetches its program.
 * @param {string} root
 * @param {(line: string) => void} say
 * @param {(pid: number) => void} onStart
 */
async function fetchNode(root, say, onStart) {
  const folder = dirname(dirname(packagedNode(root)));
  if (!existsSync(folder))
    throw new InstallError(`Node ${process.versions.node} is too old: install Node 24 or newer.`);
  say(`Fetching a newer Node, as Node ${process.versions.node} is too old for this project …`);
  await runQuietly(process.execPath, ['installArchSpecificPackage.js'], folder, 'Fetching Node', onStart);
  if (existsSync(packagedNode(root))) return;
  throw new InstallError(`A newer Node could not be fetched to ${folder}: install Node 24 or newer.`);
}

/**
 * @param {string} root
 * @param {string[]} words
 * @param {(pid: number) => void} onStart
 */
async function runNpm(root, words, onStart) {
  const all = [...words, '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath ?? '';
  const isNpm = basename(npm) === 'npm-cli.js' && existsSync(npm);
  const [file, ...args] = isNpm ? [process.execPath, npm, ...all] : ['npm', ...all];
  await runQuietly(file, args, root, `npm ${words[0]}`, onStart);
}

/**
 * Shows a program's output only when it fails.
 * @param {string} file
 * @param {string[]} args
 * @param {string} cwd
 * @param {string} name of what it does, for a person
 * @param {(pid: number) => void} onStart
 */
async function runQuietly(file, args, cwd, name, onStart) {
  const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (data) => (output += data));
  /** @type {NodeJS.Signals | undefined} */
  let stopped;
  const stop = (/** @type {NodeJS.Signals} */ signal) => {
    stopped = signal;
    child.kill('SIGTERM');
  };
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  for (const signal of signals) process.on(signal, stop);
  if (child.pid !== undefined) onStart(child.pid);
  /** @type {string} */
  const failure = await new Promise((resolve) => {
    child.on('error', (error) => resolve(`it can not be run: ${error.message}`));
    child.on('close', (code, signal) => resolve(code === 0 ? '' : `it ended with ${signal ?? `code ${code}`}`));
  });
  for (const signal of signals) process.off(signal, stop);
  if (stopped !== undefined) throw new InstallError(`${name} was interrupted.`, 128 + constants.signals[stopped]);
  if (failure === '') return;
  // npm says what is wrong first, and how it is used last.
  const lines = output.split('\n').filter((line) => line.replace('npm error', '').trim() !== '');
  const advice = 'Check the network connection and try again. It says:';
  throw new InstallError([`${name} failed (${failure}). ${advice}`, ...lines.slice(0, SHOWN_LINES)].join('\n'));
}
