import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { leafHash, originHash } from '../../../src/kernel/proof/hashes.ts';
import { type InclusionProof, ProofError, proofLine, verifyProof } from '../../../src/kernel/proof/inclusion-proof.ts';
import { MerkleFrontier } from '../../../src/kernel/proof/merkle-frontier.ts';
import { inclusionRanges } from '../../../src/kernel/proof/merkle-inclusion.ts';
import { keyIdOf, signHead } from '../../../src/kernel/proof/signed-head.ts';
import { fc } from '../../support/properties.ts';
import { contentOf, KEYS, ORIGIN } from './made-export.ts';

const keys = new Map([[keyIdOf(KEYS.publicKey), KEYS.publicKey]]);

/** The proof of an event of a log with `size` events, whose last one has a signed head. */
function proofOf(position: number, size: number): InclusionProof {
  const leaves = Array.from({ length: size }, (_, n) => leafHash(Buffer.from(contentOf(n + 1))));
  const rootOf = (from: number, to: number) => {
    const tree = new MerkleFrontier();
    for (const leaf of leaves.slice(from, to)) tree.push(leaf);
    return tree.root() as Buffer;
  };
  const head = signHead(
    {
      ...{ origin: originHash(ORIGIN), position: size, hash: originHash('any'), root: rootOf(0, size) },
      ...{ previous: undefined, signedAt: new Date('2026-01-02T03:04:05.006Z'), keyId: keyIdOf(KEYS.publicKey) },
    },
    KEYS.privateKey,
  );
  const path = inclusionRanges(position - 1, size).map(({ from, to }) => rootOf(from, to));
  return { content: contentOf(position), path, head };
}

const aProof = fc
  .integer({ min: 1, max: 60 })
  .chain((size) => fc.tuple(fc.integer({ min: 1, max: size }), fc.constant(size)));

describe('the proof of one event', () => {
  it('is verified with the public key alone, for any event of any log', () => {
    fc.assert(
      fc.property(aProof, ([position, size]) => {
        const file = proofLine(proofOf(position, size));
        for (const text of [file, `${file}\n`]) {
          const proved = verifyProof(Buffer.from(text), keys);
          expect(proved).toMatchObject({ position, content: contentOf(position), head: { position: size } });
        }
        expect(JSON.parse(file)).toMatchObject({ event: { position }, head: { position: size } });
      }),
    );
  });

  it('fails if any single bit differs', () => {
    fc.assert(
      fc.property(aProof, fc.nat(), fc.nat(7), ([position, size], at, bit) => {
        const file = Buffer.from(proofLine(proofOf(position, size)));
        const byte = at % file.length;
        file[byte] = (file[byte] as number) ^ (1 << bit);
        expect(() => verifyProof(file, keys)).toThrow(ProofError);
      }),
      { numRuns: 1000 },
    );
  });

  it('fails if it is cut off, longer or signed with another key', () => {
    const file = proofLine(proofOf(5, 11));
    expect(() => verifyProof(Buffer.from(`${file}}`), keys)).toThrow('do not lead to the root');
    expect(() => verifyProof(Buffer.from(file.slice(0, -1)), keys)).toThrow(ProofError);
    for (const other of [`${file} `, `${file}\n\n`, '', '{}']) {
      expect(() => verifyProof(Buffer.from(other), keys)).toThrow('does not have the form of a proof');
    }
    const { publicKey } = generateKeyPairSync('ed25519');
    expect(() => verifyProof(Buffer.from(file), new Map([[keyIdOf(publicKey), publicKey]]))).toThrow('another key');
    expect(() => verifyProof(Buffer.from(file), new Map([[keyIdOf(KEYS.publicKey), publicKey]]))).toThrow('signature');
  });

  it('fails if it is of another log than the one that was named', () => {
    const file = Buffer.from(proofLine(proofOf(5, 11)));
    expect(verifyProof(file, keys, originHash(ORIGIN))).toMatchObject({ position: 5 });
    expect(() => verifyProof(file, keys, originHash('another'))).toThrow('The proof is of another log');
  });

  it('fails with the event, the path or the head of another proof', () => {
    const [one, other, larger] = [proofOf(5, 11), proofOf(6, 11), proofOf(5, 12)];
    const mixed = [
      { ...one, content: other.content },
      { ...one, path: other.path },
      { ...one, head: larger.head },
      { ...one, path: one.path.slice(1) },
    ];
    for (const proof of mixed)
      expect(() => verifyProof(Buffer.from(proofLine(proof)), keys)).toThrow('do not lead to the root');
  });
});
