import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** This process in the form that people read next to the leases. */
export const PROCESS = `${hostname()}:${process.pid}`;

/**
 * Identifies the machine or container within which process ids are unique. The host name is not enough: containers may
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

/** True if an instance was a process of this machine that has ended; false if this cannot be known from here. */
export function isGone(instanceId: string, itsProcess: string): boolean {
  if (!instanceId.startsWith(MACHINE)) return false;
  const pid = Number(itsProcess.slice(itsProcess.lastIndexOf(':') + 1));
  // This process has that id now, so the process of the instance has ended.
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

/** Reads a file that exists only on Linux. Other systems do not have such containers. */
function ifThereIs(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
