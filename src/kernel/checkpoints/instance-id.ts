import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** This process, as people read it beside the leases. */
export const PROCESS = `${hostname()}:${process.pid}`;

/**
 * The machine, or the container, in which a process' number says which one it is. Its name alone does not: containers share
 * their machine's, or are given one name, and count their processes each from 1.
 */
const PLACE = createHash('sha256')
  .update([hostname(), bootId(), processNamespace()].join('\n'))
  .digest('hex')
  .slice(0, 8);

/** An owner of leases in this process: a UUID that others in the same place know as one of theirs. */
export function newOwner(): string {
  return PLACE + randomUUID().slice(PLACE.length);
}

/** True where an owner was a process of this place that is no more; false where that cannot be known from here. */
export function isGone(owner: string, ownerProcess: string): boolean {
  if (!owner.startsWith(PLACE)) return false;
  const pid = Number(ownerProcess.slice(ownerProcess.lastIndexOf(':') + 1));
  // Whoever had this process's number before it is gone.
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function bootId(): string {
  return whereThereIs(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
}

function processNamespace(): string {
  return whereThereIs(() => readlinkSync('/proc/self/ns/pid'));
}

/** Systems other than Linux have neither, and no such containers. */
function whereThereIs(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
