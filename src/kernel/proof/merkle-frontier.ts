import { nodeHash } from './hashes.ts';

/**
 * A Merkle tree (RFC 6962, 2.1) that only grows, reduced to what its next root depends on: the roots of its complete
 * subtrees, one for each binary digit 1 of its size. So it needs the memory of at most 53 hashes, however large it is.
 */
export class MerkleFrontier {
  /** By height: the root of the complete subtree of 2^height leaves, if the tree has one. */
  readonly #peaks: (Buffer | undefined)[] = [];
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
      if (digit === '1') frontier.#peaks[height] = peaks[peaks.length - ++used];
    }
    if (used !== peaks.length) throw new RangeError(`A tree of ${size} leaves has ${used} peaks, not ${peaks.length}.`);
    return frontier;
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Adds a leaf. */
  push(leaf: Buffer): void {
    let root = leaf;
    let height = 0;
    for (let peak = this.#peaks[0]; peak; peak = this.#peaks[height]) {
      root = nodeHash(peak, root);
      this.#peaks[height++] = undefined;
    }
    this.#peaks[height] = root;
    this.#size++;
  }

  /** The roots of the complete subtrees, from the largest to the smallest. */
  peaks(): Buffer[] {
    return this.#peaks.filter((peak) => peak !== undefined).reverse();
  }

  /** The root of the whole tree; undefined if it has no leaf. */
  root(): Buffer | undefined {
    let root: Buffer | undefined;
    for (const peak of this.#peaks) {
      if (peak) root = root ? nodeHash(peak, root) : peak;
    }
    return root;
  }
}
