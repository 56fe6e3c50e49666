import { KEY_BYTES } from '../box.ts';

/** Bits of a leaf, and how many of them each level of the tree takes. */
const LEAF_BITS = 64;
export const LEVEL_BITS = 2;
export const LEVELS = LEAF_BITS / LEVEL_BITS;
/** Children of a node. */
const DIGITS = 2 ** LEVEL_BITS;

/** A node of the tree: its path from the root, a digit for each level, and its key of 32 bytes. */
export type TreeNode = readonly [path: string, key: Buffer];

/** The path as the first bits of 8 bytes, the number of its levels, and the key. */
const PATH_BYTES = LEAF_BITS / 8;
const KEY_AT = PATH_BYTES + 1;
export const NODE_BYTES = KEY_AT + KEY_BYTES;

/**
 * Nodes of a tree of which none is below another, in the order of their paths, packed into one buffer: a file has them in the same form,
 * and millions of them are one object in memory. Immutable.
 */
export class PackedNodes {
  readonly bytes: Buffer;

  /** @param bytes a multiple of {@link NODE_BYTES}. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  static of(nodes: Iterable<TreeNode>): PackedNodes {
    const packed = [...nodes].map(packNode).sort((a, b) => a.compare(b, 0, PATH_BYTES, 0, PATH_BYTES));
    return new PackedNodes(Buffer.concat(packed));
  }

  get size(): number {
    return this.bytes.length / NODE_BYTES;
  }

  *[Symbol.iterator](): Generator<TreeNode> {
    for (let nth = 0; nth < this.size; nth++) yield [this.#pathAt(nth), this.#keyAt(nth)];
  }

  /** The only node on the path to a leaf, with its place; undefined if there is none. */
  above(leaf: string): { readonly nth: number; readonly path: string; readonly key: Buffer } | undefined {
    const nth = this.#lastUpTo(bitsOf(leaf));
    if (nth < 0) return undefined;
    const path = this.#pathAt(nth);
    return leaf.startsWith(path) ? { nth, path, key: this.#keyAt(nth) } : undefined;
  }

  /** The same with other nodes in the place of one. They have to be below it. */
  replaced(nth: number, nodes: Iterable<TreeNode>): PackedNodes {
    const from = nth * NODE_BYTES;
    const before = this.bytes.subarray(0, from);
    return new PackedNodes(
      Buffer.concat([before, PackedNodes.of(nodes).bytes, this.bytes.subarray(from + NODE_BYTES)]),
    );
  }

  /** The last node whose path does not come after these bits; -1 if there is none. */
  #lastUpTo(bits: bigint): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.bytes.readBigUInt64BE(middle * NODE_BYTES) <= bits) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #pathAt(nth: number): string {
    const at = nth * NODE_BYTES;
    return pathOf(this.bytes.readBigUInt64BE(at)).slice(0, this.bytes.readUInt8(at + PATH_BYTES));
  }

  #keyAt(nth: number): Buffer {
    const at = nth * NODE_BYTES;
    return this.bytes.subarray(at + KEY_AT, at + NODE_BYTES);
  }
}

function packNode([path, key]: TreeNode): Buffer {
  const packed = Buffer.alloc(NODE_BYTES);
  packed.writeBigUInt64BE(bitsOf(path));
  packed.writeUInt8(path.length, PATH_BYTES);
  key.copy(packed, KEY_AT);
  return packed;
}

/** The bits of a path, followed by zeros. */
export function bitsOf(path: string): bigint {
  const whole = path.padEnd(LEVELS, '0');
  // Half of the digits fit into a number, which is read faster.
  const [high, low] = [whole.slice(0, LEVELS / 2), whole.slice(LEVELS / 2)].map((half) => parseInt(half, DIGITS));
  return (BigInt(high ?? 0) << BigInt(LEAF_BITS / 2)) | BigInt(low ?? 0);
}

/** The path to a leaf. */
export function pathOf(bits: bigint): string {
  return bits.toString(DIGITS).padStart(LEVELS, '0');
}
