import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, ownIdentity } from '../../../src/database/embedded/processes.ts';
import { endTree, ProcessRegistry, postgresBelow } from './processes.ts';

const IN_MEMORY = '/dev/shm';
const ENOUGH_BYTES = 4 * 2 ** 30;
const PREFIX = 'afterwrite-run-';
/** File in a folder that names the process whose folder it is. */
const OWNER = 'owner';

/**
 * Makes a folder for everything that one run of tests makes. When this process exits, the folder is removed, and what still
 * runs of the processes that the run has started is ended. What an earlier run left that was killed goes now.
 */
export function openRunFolder(): string {
  const folder = ownedFolder(process.env.TMPDIR ?? scratchFolder(), PREFIX);
  // Some tests do things as another user.
  chmodSync(folder, 0o755);
  registryOf(folder).watch();
  process.on('exit', () => removeRun(folder));
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  return folder;
}

/**
 * Makes a folder for one run of a program that runs a server, such as `npm run abuse`, which removes it at its end. What an earlier
 * run left that was killed goes now, with its Postgres.
 * @param program its name, which the folder has too.
 */
export function openProgramFolder(program: string): string {
  return ownedFolder(tmpdir(), `afterwrite-${program}-`);
}

/** Lets somebody look at a program's folder after its end: no later run removes it. */
export function keepProgramFolder(folder: string): void {
  rmSync(join(folder, OWNER), { force: true });
}

/** The registry of the processes that a run's tests start. */
export function registryOf(runFolder: string): ProcessRegistry {
  return new ProcessRegistry(join(runFolder, 'processes'));
}

/**
 * Folder for temporary files of tests: in memory if there is enough. A copy of a database has about 300 files, and
 * creating them on a disk takes longer than most tests.
 */
function scratchFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    return bavail * bsize < ENOUGH_BYTES ? tmpdir() : IN_MEMORY;
  } catch {
    // No Linux.
    return tmpdir();
  }
}

function ownedFolder(parent: string, prefix: string): string {
  removeLeftovers(parent, prefix);
  const folder = mkdtempSync(join(parent, prefix));
  writeFileSync(join(folder, OWNER), ownIdentity());
  return folder;
}

function removeLeftovers(parent: string, prefix: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue;
    try {
      if (!isAlive(readFileSync(join(parent, name, OWNER), 'utf8'))) removeRun(join(parent, name));
    } catch {
      // It is being made, or removed, or another user's.
    }
  }
}

function removeRun(folder: string): void {
  registryOf(folder).end();
  for (const { pid } of postgresBelow(folder)) endTree(pid);
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}
