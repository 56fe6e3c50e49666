import { HASH_BYTES, nodeHash } from './hashes.ts';

/**
 * A Merkle tree (RFC 6962, 2.1) that only grows, reduced to what its next root depends on: the roots of its complete
 * subtrees, one for each binary digit 1 of its size. So it needs the memory of at most 53 hashes, however large it is.
 */
export class MerkleFrontier {
  /** By height: the root of the complete subtree of 2^height leaves, if the tree has one. Its memory is used again and again. */
  readonly #peaks: { readonly root: Buffer; isThere: boolean }[] = [];
  readonly #root = Buffer.alloc(HASH_BYTES);
  #size = 0;

  /**
   * Continues a tree.
   * @param peaks what {@link peaks} returned at that size.
   * @throws {RangeError} if their number does not fit the size.
   */
  static of(size: number, peaks: readonly Buffer[]): MerkleFrontier {
    const frontier = new MerkleFrontier();
    frontier.#size = size;
    let used = 0;
    for (const [height, digit] of [...size.toString(2)].reverse().entries()) {
      const peak = digit === '1' ? peaks[peaks.length - ++used] : undefined;
      frontier.#peaks[height] = { root: Buffer.from(peak ?? frontier.#root), isThere: peak !== undefined };
    }
    if (used !== peaks.length) throw new RangeError(`A tree of ${size} leaves has ${used} peaks, not ${peaks.length}.`);
    return frontier;
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Adds a leaf. */
  push(leaf: Uint8Array): void {
    const root = this.#root;
    root.set(leaf);
    let height = 0;
    for (let peak = this.#peaks[0]; peak?.isThere; peak = this.#peaks[++height]) {
      nodeHash(peak.root, root, root);
      peak.isThere = false;
    }
    const peak = this.#peaks[height];
    if (peak) {
      peak.root.set(root);
      peak.isThere = true;
    } else {
      this.#peaks[height] = { root: Buffer.from(root), isThere: true };
    }
    this.#size++;
  }

  /** The roots of the complete subtrees, from the largest to the smallest. */
  peaks(): Buffer[] {
    return this.#ascending().reverse();
  }

  /** The root of the whole tree; undefined if it has no leaf. */
  root(): Buffer | undefined {
    const [first, ...others] = this.#ascending();
    return first && others.reduce((right, left) => nodeHash(left, right), first);
  }

  #ascending(): Buffer[] {
    return this.#peaks.filter(({ isThere }) => isThere).map(({ root }) => Buffer.from(root));
  }
}
