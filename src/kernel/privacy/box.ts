import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
/** Length of a key, a nonce and a tag of AES-256-GCM, in bytes. */
export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Random bytes for many nonces. Asking the operating system for each would take longer than everything else. */
const pool = Buffer.alloc(NONCE_BYTES * 256);
let used = pool.length;

/** A nonce that was never used before: 96 random bits, for a key that seals far fewer than 2^32 boxes. */
function newNonce(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += NONCE_BYTES;
  return Buffer.from(pool.subarray(used - NONCE_BYTES, used));
}

/**
 * Encrypts with AES-256-GCM.
 * @param bound what has to be the same when it is opened; not contained in the box.
 * @returns nonce, ciphertext and tag.
 */
export function sealBox(key: Buffer, content: Buffer, bound: string): Buffer {
  const nonce = newNonce();
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(bound));
  return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** @returns undefined if the box was changed, or sealed with another key or for another place. */
export function openBox(key: Buffer, box: Buffer, bound: string): Buffer | undefined {
  if (box.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(ALGORITHM, key, box.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(bound));
  decipher.setAuthTag(box.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(box.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}
