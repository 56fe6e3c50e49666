import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { leafHash } from '../../../src/kernel/proof/hashes.ts';
import { MerkleFrontier } from '../../../src/kernel/proof/merkle-frontier.ts';
import { inclusionRanges, rootOfInclusion } from '../../../src/kernel/proof/merkle-inclusion.ts';
import { fc } from '../../support/properties.ts';

const LARGEST = 200;
const contents = Array.from({ length: LARGEST }, (_, n) => `{"position":${n + 1}}`);
const leaves = contents.map((content) => leafHash(Buffer.from(content)));

/** RFC 6962, 2.1: MTH(D[from:to]). */
const formulaRoot = memoised((from, to): string => {
  if (to - from === 1) return sha256(Buffer.from([0]), Buffer.from(contents[from] as string));
  const k = split(to - from);
  const left = Buffer.from(formulaRoot(from, from + k), 'hex');
  return sha256(Buffer.from([1]), left, Buffer.from(formulaRoot(from + k, to), 'hex'));
});

/** RFC 6962, 2.1.1: PATH(m, D[from:to]). */
function formulaPath(m: number, from: number, to: number): string[] {
  if (to - from === 1) return [];
  const k = split(to - from);
  return m < k
    ? [...formulaPath(m, from, from + k), formulaRoot(from + k, to)]
    : [...formulaPath(m - k, from + k, to), formulaRoot(from, from + k)];
}

function memoised<T>(compute: (from: number, to: number) => T): (from: number, to: number) => T {
  const known = new Map<string, T>();
  return (from, to) => {
    const key = `${from} ${to}`;
    const value = known.get(key) ?? compute(from, to);
    known.set(key, value);
    return value;
  };
}

function split(n: number): number {
  return 2 ** Math.floor(Math.log2(n - 1));
}

function sha256(...parts: Buffer[]): string {
  return createHash('sha256').update(Buffer.concat(parts)).digest('hex');
}

const rootOf = memoised((from, to) => {
  const tree = new MerkleFrontier();
  for (const leaf of leaves.slice(from, to)) tree.push(leaf);
  return tree.root() as Buffer;
});

const pathOf = (index: number, size: number): Buffer[] =>
  inclusionRanges(index, size).map(({ from, to }) => rootOf(from, to));

describe('the Merkle tree', () => {
  it('has the roots of the test data of Certificate Transparency', () => {
    const data = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const tree = new MerkleFrontier();
    const roots = data.map((hex) => {
      tree.push(leafHash(Buffer.from(hex, 'hex')));
      return tree.root()?.toString('hex');
    });
    expect(roots[0]).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    expect(roots[7]).toBe('5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
  });

  it('has the root that the formula of RFC 6962 gives, for every size up to 200', () => {
    const tree = new MerkleFrontier();
    for (const [n, leaf] of leaves.entries()) {
      tree.push(leaf);
      expect(tree.root()?.toString('hex'), `size ${n + 1}`).toBe(formulaRoot(0, n + 1));
    }
  });

  it('has no root without leaves', () => {
    expect(new MerkleFrontier().root()).toBeUndefined();
  });

  it('goes on from its peaks at any size to the same roots', () => {
    const size = fc.integer({ min: 0, max: LARGEST });
    fc.assert(
      fc.property(size, size, (one, other) => {
        const before = new MerkleFrontier();
        for (const leaf of leaves.slice(0, Math.min(one, other))) before.push(leaf);
        const after = MerkleFrontier.of(before.size, before.peaks());
        for (const leaf of leaves.slice(before.size, Math.max(one, other))) after.push(leaf);
        expect(after.size).toBe(Math.max(one, other));
        expect(after.root()).toEqual(after.size === 0 ? undefined : rootOf(0, after.size));
      }),
    );
  });

  it('does not take peaks whose number does not fit the size', () => {
    expect(() => MerkleFrontier.of(3, leaves.slice(0, 1))).toThrow('A tree of 3 leaves has 2 peaks, not 1.');
    expect(() => MerkleFrontier.of(4, leaves.slice(0, 2))).toThrow('A tree of 4 leaves has 1 peaks, not 2.');
  });
});

describe('an inclusion path', () => {
  it('is what the formula of RFC 6962 gives and leads to the root, for every leaf of every size up to 200', () => {
    for (let size = 1; size <= LARGEST; size++) {
      const root = formulaRoot(0, size);
      for (let index = 0; index < size; index++) {
        const path = pathOf(index, size);
        expect(path.map((hash) => hash.toString('hex'))).toEqual(formulaPath(index, 0, size));
        expect(rootOfInclusion(leaves[index] as Buffer, { index, size, path })?.toString('hex')).toBe(root);
      }
    }
  });

  it('leads to another root, or nowhere, from another leaf, index or size, or with a hash more, less or changed', () => {
    const arbitrary = fc
      .integer({ min: 2, max: LARGEST })
      .chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1), fc.nat(size - 1), fc.nat(), fc.nat(255)));
    fc.assert(
      fc.property(arbitrary, ([size, index, other, at, bit]) => {
        const root = rootOf(0, size);
        const path = pathOf(index, size);
        const leaf = leaves[index] as Buffer;
        const isRoot = (from: Buffer, proof: Parameters<typeof rootOfInclusion>[1]) =>
          rootOfInclusion(from, proof)?.equals(root) ?? false;
        expect(isRoot(leaf, { index, size, path })).toBe(true);
        if (other !== index) {
          expect(isRoot(leaves[other] as Buffer, { index, size, path })).toBe(false);
          expect(isRoot(leaf, { index: other, size, path })).toBe(false);
        }
        expect(isRoot(leaf, { index, size: 2 * size + 1, path })).toBe(false);
        expect(isRoot(leaf, { index: size + index, size, path })).toBe(false);
        expect(isRoot(leaf, { index, size, path: path.slice(1) })).toBe(false);
        expect(isRoot(leaf, { index, size, path: path.slice(0, -1) })).toBe(false);
        expect(isRoot(leaf, { index, size, path: [...path, leaf] })).toBe(false);
        const changed = path.map((hash) => Buffer.from(hash));
        const hash = changed[at % path.length] as Buffer;
        hash[bit >> 3] = (hash[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(isRoot(leaf, { index, size, path: changed })).toBe(false);
      }),
    );
  });

  it('has as many hashes as the tree is high', () => {
    expect(inclusionRanges(0, 1)).toEqual([]);
    expect(inclusionRanges(0, 2 ** 20)).toHaveLength(20);
    expect(inclusionRanges(123_456, 1_000_000)).toHaveLength(20);
  });
});
