import { hash } from 'node:crypto';

/** Bytes of each hash of a proof: SHA-256. */
export const HASH_BYTES = 32;

/** The first byte of what is hashed says what it is, so that a hash of one kind never passes for another (RFC 6962, 2.1). */
const LEAF = 0;
const NODE = 1;
const LINK = 2;

/** Reused for each pair of hashes; nothing is called while it is filled. */
const pair = Buffer.alloc(1 + 2 * HASH_BYTES);

/** The hash of an event's content, which is hashed byte for byte: also the leaf of the event in the Merkle tree. */
export function leafHash(content: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + content.byteLength);
  bytes[0] = LEAF;
  bytes.set(content, 1);
  return hash('sha256', bytes, 'buffer');
}

/** The hash of a node of the Merkle tree. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return pairHash(NODE, left, right);
}

/** The hash that the chain has after an event: over the hash that it had before, and the event's leaf. */
export function chainHash(before: Uint8Array, leaf: Uint8Array): Buffer {
  return pairHash(LINK, before, leaf);
}

/** The hash that the chain has before its first event. @param origin the text that identifies the log. */
export function originHash(origin: string): Buffer {
  return hash('sha256', Buffer.from(origin), 'buffer');
}

function pairHash(kind: number, first: Uint8Array, second: Uint8Array): Buffer {
  pair[0] = kind;
  pair.set(first, 1);
  pair.set(second, 1 + HASH_BYTES);
  return hash('sha256', pair, 'buffer');
}
