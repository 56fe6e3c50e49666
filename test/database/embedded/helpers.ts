import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { isAlive, pollUntil, processIdentity } from '../../../src/database/embedded/processes.ts';
import {
  type EmbeddedInternals,
  type EmbeddedOptions,
  startEmbeddedPostgres,
} from '../../../src/database/embedded/server.ts';
import { USER_NAMESPACE } from '../../support/server/environment.ts';

/** Light enough for many of them in one test run. */
export const LIGHT = { fsync: 'off', shared_buffers: '16MB' };

const cleanups: (() => Promise<void>)[] = [];

/** Ends what a test left running and removes its folders; call it after each test. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A folder below the system's temporary folder, removed (and its Postgres ended) after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'afterwrite-embedded-'));
  cleanups.push(async () => {
    const pid = postmasterPid(join(folder, 'data'));
    if (pid !== undefined && processIdentity(pid) !== undefined) await killAndWait(pid);
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });
  return folder;
}

/** {@link startEmbeddedPostgres} with light settings, released after the test. */
export async function start(
  dataDir: string,
  options: Partial<EmbeddedOptions> = {},
  internals: EmbeddedInternals = {},
) {
  const server = await startEmbeddedPostgres({ dataDir, settings: LIGHT, ...options }, internals);
  cleanups.push(() => server.release());
  return server;
}

/** Runs statements on one connection and gives the last one's rows. */
export async function query(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = [...(await sql.unsafe(statement))];
    return rows;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

export function postmasterPid(dataDir: string): number | undefined {
  const file = join(dataDir, 'postgres', 'postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
}

/** Sends SIGKILL and waits until the process is gone. */
export async function killAndWait(pid: number): Promise<void> {
  const identity = processIdentity(pid);
  process.kill(pid, 'SIGKILL');
  await until(() => identity === undefined || !isAlive(identity));
}

/** Waits for a condition, at most 30 s. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const held = await pollUntil(30_000, async () => ((await condition()) ? true : undefined));
  if (held === undefined) throw new Error(`did not come true within 30 s: ${condition}`);
}

export interface Line {
  url?: string;
  adopted?: boolean;
  progress?: string;
  code?: string;
  message?: string;
}

/** A process of its own that uses a data folder. */
export class Other {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];

  /** @param prefix - put in front of its command line. */
  constructor(dataDir: string, prefix: readonly string[] = []) {
    const script = fileURLToPath(new URL('process.ts', import.meta.url));
    const [file = '', ...args] = [...prefix, process.execPath, script, dataDir];
    this.child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.child.stdout) createInterface(this.child.stdout).on('line', (line) => this.lines.push(JSON.parse(line)));
    cleanups.push(async () => {
      if (this.child.exitCode === null && this.child.signalCode === null) await this.kill();
    });
  }

  /** In a user namespace, where root is an ordinary user. */
  static unprivileged(dataDir: string): Other {
    return new Other(dataDir, USER_NAMESPACE);
  }

  /** Its first line for which the condition holds. */
  async says(condition: (line: Line) => boolean): Promise<Line> {
    const line = await pollUntil(60_000, () => this.lines.find(condition));
    if (line === undefined) throw new Error(`it only said ${JSON.stringify(this.lines)}`);
    return line;
  }

  async started(): Promise<Line> {
    return this.says((line) => line.url !== undefined || line.code !== undefined);
  }

  async release(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.stdin?.end();
    await exit;
  }

  async kill(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}
