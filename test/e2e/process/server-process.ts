import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import { HttpClient } from '../../support/client/http-client.ts';
import { bundledEnvironment } from '../../support/server/bundle.ts';
import { childEnvironment } from '../../support/server/child-environment.ts';
import { until } from '../../support/until.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Starting may have to create a cluster while other tests use the machine. */
const START_DEADLINE_MS = 90_000;

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * The server in a process of its own, and a client to it. It does not outlive its test. It is the bundled one, unless words say
 * otherwise: as its users start it, it takes five times as long to load.
 */
export class ServerProcess extends HttpClient {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';
  #url = '';

  /** @param words of the command line, such as `src/main.ts`. */
  constructor(env: NodeJS.ProcessEnv, words?: readonly string[]) {
    super(() => this.#url);
    const program = inject('serverProgram');
    const ofProgram = words ? {} : bundledEnvironment(program);
    this.child = spawn(process.execPath, words ?? [program], {
      cwd: root,
      env: { ...childEnvironment(), HOST: '127.0.0.1', PORT: '0', ...ofProgram, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Away from the terminal of whoever runs the tests.
      detached: true,
    });
    this.child.stdout?.setEncoding('utf8').on('data', (data: string) => {
      this.stdout += data;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (data: string) => {
      this.stderr += data;
    });
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }) as Exit);
    onTestFinished(async () => {
      if (this.child.exitCode === null && this.child.signalCode === null) this.kill('SIGKILL');
      await this.exited;
    });
  }

  get url(): string {
    return this.#url;
  }

  /** Its log: messages without times and levels. */
  get messages(): string[] {
    const lines = this.stdout.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => String((JSON.parse(line) as { msg?: string }).msg));
  }

  /** Waits until it serves. @param deadline in ms. */
  async started(deadline = START_DEADLINE_MS): Promise<this> {
    const said = /GraphQL API: (http:\S+)\/graphql/;
    await until(() => said.test(this.stdout) || this.child.exitCode !== null, { deadline });
    const url = said.exec(this.stdout)?.[1];
    if (!url) throw new Error(`It did not start: ${this.stdout}\n${this.stderr}`);
    this.#url = url;
    return this;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** A folder for the embedded Postgres, removed after the test, and its Postgres ended. */
export async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-process-'));
  onTestFinished(async () => {
    const pid = postmasterOf(folder);
    if (pid !== undefined && isAlive(pid)) {
      process.kill(pid, 'SIGKILL');
      await until(() => !isAlive(pid));
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });
  return folder;
}

/** The process id of the Postgres that runs on a folder, as far as the folder knows. */
export function postmasterOf(folder: string): number | undefined {
  const file = join(folder, 'postgres', 'postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
}

/** False also for a process that has ended and waits for its parent to take note. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The status of the answer; undefined if nothing answers. */
export async function statusOf(url: string): Promise<number | undefined> {
  return fetch(url).then(
    ({ status }) => status,
    () => undefined,
  );
}
