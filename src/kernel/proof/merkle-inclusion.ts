import { nodeHash } from './hashes.ts';

/** Leaves of a Merkle tree, by their indexes: from `from` on, up to and without `to`. */
export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The ranges of leaves whose roots are the inclusion path of a leaf (RFC 6962, 2.1.1), in the order of the path: from the
 * leaf's neighbour to the largest. Together with the leaf they are the whole tree.
 */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  const ranges: LeafRange[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + largestPowerBelow(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.reverse();
}

/**
 * The root that a leaf and its inclusion path lead to (RFC 9162, 2.1.3.2).
 * @returns undefined if no path of this length leads from this index to the root of a tree of this size.
 */
export function rootOfInclusion(
  leaf: Buffer,
  { index, size, path }: { readonly index: number; readonly size: number; readonly path: readonly Buffer[] },
): Buffer | undefined {
  if (index < 0 || index >= size) return undefined;
  let root = leaf;
  let node = index;
  let last = size - 1;
  for (const sibling of path) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      root = nodeHash(sibling, root);
      // The last node of a level may have no sibling: it rises until it is a right child.
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      root = nodeHash(root, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 ? root : undefined;
}

/** Positions may exceed what bitwise operators can shift. */
function half(value: number): number {
  return Math.floor(value / 2);
}

function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}
