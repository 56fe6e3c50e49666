import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** This process, as people read it beside the leases. */
export const PROCESS = `${hostname()}:${process.pid}`;

/**
 * The machine or container within which a process id identifies a process. The host name alone does not tell: containers may
 * share one, and each counts its processes from 1.
 */
const MACHINE = createHash('sha256')
  .update([hostname(), bootId(), processNamespace()].join('\n'))
  .digest('hex')
  .slice(0, 8);

/** A new id for an instance in this process: a UUID that instances on the same machine recognise as one of theirs. */
export function newInstanceId(): string {
  return MACHINE + randomUUID().slice(MACHINE.length);
}

/** True if an instance was a process of this machine that has ended; false if that cannot be known from here. */
export function isGone(instanceId: string, itsProcess: string): boolean {
  if (!instanceId.startsWith(MACHINE)) return false;
  const pid = Number(itsProcess.slice(itsProcess.lastIndexOf(':') + 1));
  // A process that had this one's id has ended.
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function bootId(): string {
  return ifThereIs(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
}

function processNamespace(): string {
  return ifThereIs(() => readlinkSync('/proc/self/ns/pid'));
}

/** Systems other than Linux have neither, and no such containers. */
function ifThereIs(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
