import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

/** Randomness for many ids: asking the system for that of one takes longer than all else that makes it. */
const pool = new Uint8Array(4096);
let used = pool.length;

/** A UUID of version 7: ids that are made one after the other stand together in an index. */
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
