import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { LEVEL_BITS, LEVELS, type PackedNodes, pathOf, type TreeNode } from './packed-nodes.ts';

const DIGITS = Array.from({ length: 2 ** LEVEL_BITS }, (_, digit) => String(digit));
/** Nodes of this level are kept in memory, because many leaves are below each. */
const CACHED_LEVEL = 8;
const CACHED_NODES = 65_536;

/** The leaf of a name: 64 bits of its SHA-256, as a path. */
export function leafOf(name: string): string {
  return pathOf(hash('sha256', `afterwrite leaf\n${name}`, 'buffer').readBigUInt64BE());
}

/**
 * One key from which a key for every leaf can be derived, except for those that were punctured: a tree of pseudorandom functions
 * (Goldreich, Goldwasser, Micali 1986), of which everything is known but the paths to the punctured leaves (Green, Miers 2015). A node's
 * children are SHA-256 hashes of its key and their digit, so nobody who has only the siblings of a path can derive what is below it.
 *
 * Immutable. Each puncture adds at most 96 nodes, fewer if other paths share its beginning.
 */
export class PuncturableKey {
  /** Those that are known. At the beginning, only the root with the empty path. */
  readonly nodes: PackedNodes;
  #cached: LRUCache<string, Buffer> | undefined;

  constructor(nodes: PackedNodes) {
    this.nodes = nodes;
  }

  /** The key of a leaf; undefined if it was punctured. */
  derive(leaf: string): Buffer | undefined {
    const level = leaf.slice(0, CACHED_LEVEL);
    const cached = this.#cached?.get(level);
    if (cached) return descend(cached, leaf, CACHED_LEVEL, LEVELS);
    const known = this.nodes.above(leaf);
    if (known === undefined) return undefined;
    const { path, key } = known;
    if (path.length > CACHED_LEVEL) return descend(key, leaf, path.length, LEVELS);
    const node = descend(key, leaf, path.length, CACHED_LEVEL);
    // It is large, and most keys are only punctured.
    this.#cached ??= new LRUCache<string, Buffer>({ max: CACHED_NODES });
    this.#cached.set(level, node);
    return descend(node, leaf, CACHED_LEVEL, LEVELS);
  }

  /** The same without the path to a leaf. */
  puncture(leaf: string): PuncturableKey {
    const known = this.nodes.above(leaf);
    if (!known) return this;
    const siblings: TreeNode[] = [];
    let { path, key } = known;
    while (path.length < LEVELS) {
      const next = leaf.charAt(path.length);
      for (const digit of DIGITS) if (digit !== next) siblings.push([path + digit, child(key, digit)]);
      key = child(key, next);
      path += next;
    }
    return new PuncturableKey(this.nodes.replaced(known.nth, siblings));
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
