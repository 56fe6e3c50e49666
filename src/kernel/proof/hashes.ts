import { hash } from 'node:crypto';

/** Bytes of each hash of a proof: SHA-256. */
export const HASH_BYTES = 32;

/** The first byte of what is hashed says what it is, so that a hash of one kind never passes for another (RFC 6962, 2.1). */
const LEAF = 0;
const NODE = 1;
const LINK = 2;

/** Reused for each pair of hashes; nothing is called while it is filled. */
const pair = Buffer.alloc(1 + 2 * HASH_BYTES);
/** The same for contents; nearly all fit. */
const leaf = Buffer.alloc(1 + 2 ** 16);
leaf[0] = LEAF;

/** The hash of an event's content, which is hashed byte for byte: also the leaf of the event in the Merkle tree. */
export function leafHash(content: Uint8Array): Buffer {
  const size = 1 + content.byteLength;
  const bytes = size > leaf.length ? Buffer.alloc(size, LEAF) : leaf.subarray(0, size);
  bytes.set(content, 1);
  return hashInto(Buffer.allocUnsafe(HASH_BYTES), bytes);
}

/**
 * The hash of a node of the Merkle tree.
 * @param into gets it; it may be one of the two.
 */
export function nodeHash(left: Uint8Array, right: Uint8Array, into: Buffer = Buffer.allocUnsafe(HASH_BYTES)): Buffer {
  return pairHash(NODE, left, right, into);
}

/**
 * The hash that the chain has after an event: over the hash that it had before, and the event's leaf.
 * @param into gets it; it may be one of the two.
 */
export function chainHash(before: Uint8Array, leaf: Uint8Array, into: Buffer = Buffer.allocUnsafe(HASH_BYTES)): Buffer {
  return pairHash(LINK, before, leaf, into);
}

/** The hash that the chain has before its first event. @param origin the text that identifies the log. */
export function originHash(origin: string): Buffer {
  return hashInto(Buffer.allocUnsafe(HASH_BYTES), Buffer.from(origin));
}

function pairHash(kind: number, first: Uint8Array, second: Uint8Array, into: Buffer): Buffer {
  pair[0] = kind;
  pair.set(first, 1);
  pair.set(second, 1 + HASH_BYTES);
  return hashInto(into, pair);
}

/** OpenSSL gives it as a text: a buffer of its own for each hash takes three times as long as the hash. */
function hashInto(target: Buffer, bytes: Uint8Array): Buffer {
  target.write(hash('sha256', bytes, 'latin1'), 'latin1');
  return target;
}
