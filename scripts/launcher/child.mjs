import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { onOrphaned } from './orphan.mjs';

/**
 * Runs a script in the launcher's place: same standard streams, signals passed on, same exit code. The child gets an
 * IPC channel, by whose end it notices that the launcher was killed (see src/server/launcher.ts).
 * @param {string} node
 * @param {string[]} words the script and its arguments
 */
export function runChild(node, words) {
  const child = spawn(node, words, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, AFTERWRITE_LAUNCHER: String(process.pid) },
  });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP', 'SIGINT'])) {
    process.on(signal, () => {
      // Ctrl-C reaches every process in the terminal's foreground, so the child has it already.
      if (signal !== 'SIGINT' || !isInForeground()) child.kill(signal);
    });
  }
  onOrphaned(() => child.kill('SIGTERM'));
  child.on('error', (error) => {
    process.stderr.write(`${node} can not be run: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function isInForeground() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  }
}
