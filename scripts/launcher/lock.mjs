import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const FREE = 'free';

/**
 * Runs `work` while no other launcher holds the lock in `folder`. The lock of a process that died is free.
 *
 * It works like src/database/embedded/lock.ts (numbered tickets, of which the newest counts), which this file can not
 * use because it must run on a Node without TypeScript.
 *
 * @template T
 * @param {string} folder
 * @param {(pid: number) => void} onWait called once when another process holds it
 * @param {(alsoHeldBy: (pid: number) => void) => Promise<T>} work may name a child that holds the lock too: when only
 * this process is killed, the lock stays taken until the child has ended
 * @returns {Promise<T>}
 */
export async function withLock(folder, onWait, work) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let ticket = tryToTake(folder);
  for (let waiting = false; ticket === undefined; ticket = tryToTake(folder)) {
    const holder = holderOf(folder, newestTicket(folder));
    if (!waiting && isHeld(holder)) {
      onWait(Number.parseInt(holder ?? '', 10));
      waiting = true;
    }
    await delay(100);
  }
  let held = ticket;
  const replaceBy = (/** @type {string} */ holder) => {
    makeTicket(folder, held + 1, holder);
    removeTicket(folder, held);
    held += 1;
  };
  try {
    return await work((pid) => replaceBy([process.pid, pid].map(identity).join(',')));
  } finally {
    replaceBy(FREE);
  }
}

/** @param {string} folder */
function tryToTake(folder) {
  const newest = newestTicket(folder);
  if (newest > 0 && isHeld(holderOf(folder, newest))) return undefined;
  const mine = newest + 1;
  if (!makeTicket(folder, mine, identity(process.pid))) return undefined;
  if (newestTicket(folder) > mine) {
    removeTicket(folder, mine);
    return undefined;
  }
  for (const old of tickets(folder)) if (old < mine) removeTicket(folder, old);
  return mine;
}

/** @param {string} folder */
function tickets(folder) {
  return readdirSync(folder)
    .map(Number)
    .filter((ticket) => Number.isSafeInteger(ticket) && ticket > 0);
}

/** @param {string} folder */
function newestTicket(folder) {
  return Math.max(0, ...tickets(folder));
}

/**
 * @param {string} folder
 * @param {number} ticket
 */
function holderOf(folder, ticket) {
  try {
    return readlinkSync(join(folder, String(ticket)));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} folder
 * @param {number} ticket
 * @param {string} holder
 */
function makeTicket(folder, ticket, holder) {
  try {
    symlinkSync(holder, join(folder, String(ticket)));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * @param {string} folder
 * @param {number} ticket
 */
function removeTicket(folder, ticket) {
  rmSync(join(folder, String(ticket)), { force: true });
}

/**
 * A ticket that can not be read was replaced just now, so it counts as held for the moment.
 * @param {string | undefined} holder
 */
function isHeld(holder) {
  if (holder === undefined) return true;
  return holder !== FREE && holder.split(',').some((one) => identity(Number.parseInt(one, 10)) === one);
}

/**
 * The pid and, where the system tells it, the start of the process, because pids are given again.
 * @param {number} pid
 */
function identity(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'dead' : `${pid}:${fields[19]}`;
  } catch {
    return isRunning(pid) ? `${pid}:` : 'dead';
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
