import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresError, errorCode } from './errors.ts';
import { isAlive, ownIdentity, pollUntil } from './processes.ts';

const FREE = 'free';

/**
 * Runs `work` while no other holder of the lock in `folder` runs, in this process or another one. The lock of a process
 * that died is free.
 *
 * The lock is a series of numbered tickets, of which only the newest counts: a symbolic link (created atomically, and
 * by only one process) whose target names its holder. A process that finds the newest ticket free, or its holder
 * dead, tries to create the next one. Nobody ever removes the newest ticket, so a latecomer that creates an older number sees that
 * it lost. A single lock file that is deleted and created again cannot guarantee this.
 *
 * @param patience - milliseconds to wait for the holder before giving up.
 * @throws EmbeddedPostgresError `locked` when the holder does not finish in time.
 */
export async function withLock<T>(folder: string, patience: number, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
  const ticket = await pollUntil(patience, () => tryToTake(folder));
  if (ticket === undefined) throw await lockedError(folder);
  try {
    return await work();
  } finally {
    await makeTicket(folder, ticket + 1, FREE);
    await removeTicket(folder, ticket);
  }
}

async function tryToTake(folder: string): Promise<number | undefined> {
  const newest = await newestTicket(folder);
  if (newest > 0) {
    const holder = await holderOf(folder, newest);
    if (holder === undefined || (holder !== FREE && isAlive(holder))) return undefined;
  }
  const mine = newest + 1;
  if (!(await makeTicket(folder, mine, ownIdentity()))) return undefined;
  if ((await newestTicket(folder)) > mine) {
    await removeTicket(folder, mine);
    return undefined;
  }
  for (const old of await tickets(folder)) if (old < mine) await removeTicket(folder, old);
  return mine;
}

async function tickets(folder: string): Promise<number[]> {
  return (await readdir(folder)).map(Number).filter((ticket) => Number.isSafeInteger(ticket) && ticket > 0);
}

async function newestTicket(folder: string): Promise<number> {
  return Math.max(0, ...(await tickets(folder)));
}

async function holderOf(folder: string, ticket: number): Promise<string | undefined> {
  try {
    return await readlink(join(folder, String(ticket)));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function makeTicket(folder: string, ticket: number, holder: string): Promise<boolean> {
  try {
    await symlink(holder, join(folder, String(ticket)));
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function removeTicket(folder: string, ticket: number): Promise<void> {
  await rm(join(folder, String(ticket)), { force: true });
}

async function lockedError(folder: string): Promise<EmbeddedPostgresError> {
  const holder = await holderOf(folder, await newestTicket(folder));
  const pid = holder === undefined ? 'unknown' : Number.parseInt(holder, 10);
  return new EmbeddedPostgresError(
    'locked',
    `Process ${pid} is starting or stopping the database in ${join(folder, '..')} and does not finish: end it first.`,
  );
}
