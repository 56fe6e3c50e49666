import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

/** Random bytes for many ids. Asking the operating system for each id would take longer than everything else. */
const pool = new Uint8Array(4096);
let used = pool.length;

/** Creates a UUID of version 7. Ids that are created one after the other are neighbours in an index. */
export function newId(): string {
  return v7({ rng: sixteenBytes });
}

function sixteenBytes(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 16;
  return pool.subarray(used - 16, used);
}
