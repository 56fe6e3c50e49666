import { readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const IN_MEMORY = '/dev/shm';
const ENOUGH_BYTES = 4 * 2 ** 30;
const DAY_MS = 86_400_000;

/**
 * Where tests keep what they throw away: in memory where there is enough of it. A copy of a database is some 300 files, and a
 * file system on a disk takes longer to make them than most tests take to run.
 */
export function scratchFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    if (bavail * bsize < ENOUGH_BYTES) return tmpdir();
    removeLeftovers();
    return IN_MEMORY;
  } catch {
    // No Linux.
    return tmpdir();
  }
}

/** Of runs that were killed: nobody else would. */
function removeLeftovers(): void {
  for (const name of readdirSync(IN_MEMORY)) {
    if (!name.startsWith('afterwrite-')) continue;
    const folder = join(IN_MEMORY, name);
    if (Date.now() - statSync(folder).mtimeMs > DAY_MS) rmSync(folder, { recursive: true, force: true });
  }
}
