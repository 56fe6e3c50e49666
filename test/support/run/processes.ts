import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAlive, isPostmasterOf, processIdentity } from '../../../src/database/embedded/processes.ts';

/** A process that runs. */
export interface Running {
  readonly pid: number;
  readonly command: string;
}

interface Entry extends Running {
  /** The ids of the process and of its parent. */
  readonly identity: string;
  readonly startedBy: number;
}

/**
 * The processes that tests have started. Each has a file in a folder for as long as it runs. So they can be ended even
 * if the test's own process has died.
 */
export class ProcessRegistry {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /**
   * From now on the registry has every process that this one starts, in whichever module.
   * @returns a function that ends this.
   */
  watch(): () => void {
    const started = (message: unknown) => {
      const { process: child } = message as { readonly process: ChildProcess };
      child.once('spawn', () => this.#add(child));
      child.once('exit', () => this.#remove(child.pid));
    };
    subscribe('child_process', started);
    return () => void unsubscribe('child_process', started);
  }

  /** Those that still run: of one starter, or of all. */
  running(startedBy?: number): Running[] {
    return this.#entries().filter(
      (entry) => isAlive(entry.identity) && (startedBy === undefined || entry.startedBy === startedBy),
    );
  }

  /** Ends those that still run, and their children. */
  end(startedBy?: number): void {
    for (const { pid } of this.running(startedBy)) {
      endTree(pid);
      this.#remove(pid);
    }
  }

  #add({ pid, spawnargs }: ChildProcess): void {
    const identity = pid === undefined ? undefined : processIdentity(pid);
    if (pid === undefined || identity === undefined) return;
    const entry: Entry = { pid, identity, startedBy: process.pid, command: spawnargs.join(' ').slice(0, 200) };
    writeFileSync(join(this.#folder, String(pid)), JSON.stringify(entry));
  }

  #remove(pid: number | undefined): void {
    if (pid !== undefined) rmSync(join(this.#folder, String(pid)), { force: true });
  }

  #entries(): Entry[] {
    return readdirSync(this.#folder).flatMap((name) => {
      try {
        return [JSON.parse(readFileSync(join(this.#folder, name), 'utf8')) as Entry];
      } catch {
        // It has just been removed, or its writer has died over it.
        return [];
      }
    });
  }
}

/** The Postgres servers that run on clusters below a folder. A server that was killed leaves its embedded one behind. */
export function postgresBelow(folder: string): Running[] {
  return globSync('**/postmaster.pid', { cwd: folder }).flatMap((file) => {
    const path = join(folder, file);
    // A server that ends meanwhile removes it.
    const pid = Number.parseInt(read(path), 10);
    return isPostmasterOf(pid, dirname(path)) ? [{ pid, command: `postgres in ${dirname(path)}` }] : [];
  });
}

/** Ends a process and those that it has started. */
export function endTree(pid: number): void {
  const children = childrenOf(pid);
  try {
    // Postgres ends its own processes at once, which it cannot if it is killed.
    process.kill(pid, isPostgres(pid) ? 'SIGQUIT' : 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
  for (const child of children) endTree(child);
}

function isPostgres(pid: number): boolean {
  return basename(read(`/proc/${pid}/cmdline`).split('\0')[0] ?? '') === 'postgres';
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

/** Undefined if there is no such process, or no /proc. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
