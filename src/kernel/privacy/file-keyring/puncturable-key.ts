import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Bits of the hash of a name that choose its leaf, and how many of them each level of the tree takes. */
const LEAF_BITS = 64;
const LEVEL_BITS = 2;
const LEVELS = LEAF_BITS / LEVEL_BITS;
const DIGITS = Array.from({ length: 2 ** LEVEL_BITS }, (_, digit) => String(digit));
/** Nodes of this level are kept in memory, because many leaves are below each. */
const CACHED_LEVEL = 8;
const CACHED_NODES = 65_536;

/** A node of the tree: its path from the root, a digit for each level, and its key of 32 bytes. */
export type TreeNode = readonly [path: string, key: Buffer];

/** The leaf of a name: 64 bits of its SHA-256, as a path. */
export function leafOf(name: string): string {
  const bits = hash('sha256', `afterwrite leaf\n${name}`, 'buffer').readBigUInt64BE();
  return bits.toString(DIGITS.length).padStart(LEVELS, '0');
}

/**
 * One key from which a key for every leaf can be derived, except for those that were punctured: a tree of pseudorandom functions
 * (Goldreich, Goldwasser, Micali 1986), of which everything is known but the paths to the punctured leaves (Green, Miers 2015). A node's
 * children are SHA-256 hashes of its key and their digit, so nobody who has only the siblings of a path can derive what is below it.
 *
 * Immutable. Each puncture adds at most 96 nodes, fewer if other paths share its beginning.
 */
export class PuncturableKey {
  readonly #nodes: ReadonlyMap<string, Buffer>;
  readonly #cached = new LRUCache<string, Buffer>({ max: CACHED_NODES });

  /** @param nodes those that are known. At the beginning, only the root with the empty path. */
  constructor(nodes: Iterable<TreeNode>) {
    this.#nodes = new Map(nodes);
  }

  get nodes(): readonly TreeNode[] {
    return [...this.#nodes];
  }

  /** The key of a leaf; undefined if it was punctured. */
  derive(leaf: string): Buffer | undefined {
    const level = leaf.slice(0, CACHED_LEVEL);
    const cached = this.#cached.get(level);
    if (cached) return descend(cached, leaf, CACHED_LEVEL, LEVELS);
    const known = this.#nodeAbove(leaf);
    if (known === undefined) return undefined;
    const [path, key] = known;
    if (path.length > CACHED_LEVEL) return descend(key, leaf, path.length, LEVELS);
    const node = descend(key, leaf, path.length, CACHED_LEVEL);
    this.#cached.set(level, node);
    return descend(node, leaf, CACHED_LEVEL, LEVELS);
  }

  /** The same without the path to a leaf. */
  puncture(leaf: string): PuncturableKey {
    const known = this.#nodeAbove(leaf);
    if (!known) return this;
    const nodes = new Map(this.#nodes);
    let [path, key] = known;
    nodes.delete(path);
    while (path.length < LEVELS) {
      const next = leaf.charAt(path.length);
      for (const digit of DIGITS) if (digit !== next) nodes.set(path + digit, child(key, digit));
      key = child(key, next);
      path += next;
    }
    return new PuncturableKey(nodes);
  }

  /** The only known node on the path to a leaf; undefined if there is none. */
  #nodeAbove(leaf: string): TreeNode | undefined {
    for (let length = 0; length <= LEVELS; length++) {
      const path = leaf.slice(0, length);
      const key = this.#nodes.get(path);
      if (key) return [path, key];
    }
    return undefined;
  }
}

function descend(key: Buffer, leaf: string, from: number, to: number): Buffer {
  let node = key;
  for (let level = from; level < to; level++) node = child(node, leaf.charAt(level));
  return node;
}

/** All inputs have the same length, and begin with a secret that is never used for anything else. */
function child(key: Buffer, digit: string): Buffer {
  return hash('sha256', Buffer.concat([key, Buffer.from(digit, 'latin1')]), 'buffer');
}
