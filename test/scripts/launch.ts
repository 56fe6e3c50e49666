import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How a launcher ended, and what it and its script wrote. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export type Launched = ReturnType<typeof launchIn>;

/** Starts the launcher of the project in `root`, with a stand-in for npm. */
export function launchIn(root: string, words: string[], env: NodeJS.ProcessEnv, cwd: string) {
  const child = spawn(process.execPath, [join(root, 'scripts/run.mjs'), ...words], {
    cwd,
    env: { ...process.env, npm_execpath: join(root, 'npm/npm-cli.js'), ...env },
    // Away from the terminal of whoever runs the tests, of which the launcher takes account.
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (data) => (output.stdout += data));
  child.stderr.setEncoding('utf8').on('data', (data) => (output.stderr += data));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, ...output }));
  });
  return { child, ended, stderr: () => output.stderr };
}

/** Waits for a condition, at most 20 s. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`did not come true within 20 s: ${condition}`);
    await delay(10);
  }
}
