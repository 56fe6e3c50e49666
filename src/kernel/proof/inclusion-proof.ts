import type { KeyObject } from 'node:crypto';
import { leafHash } from './hashes.ts';
import { rootOfInclusion } from './merkle-inclusion.ts';
import { type HeadContent, isSignedBy, readHead, type SignedHead } from './signed-head.ts';

/** Proof that a log has an event: its content, and the way from there to a signed root of the Merkle tree (RFC 6962). */
export interface InclusionProof {
  /** The event as it was hashed, byte for byte. It begins with its position. */
  readonly content: string;
  /** The hashes beside the way from the event's leaf to the root, from the leaf's neighbour on. */
  readonly path: readonly Buffer[];
  /** The head that signs the root. Its position is the size of the tree. */
  readonly head: SignedHead;
}

/** What a proof proves. */
export interface ProvedEvent {
  readonly position: number;
  readonly content: string;
  readonly head: HeadContent;
}

/** A proof does not prove what it says. */
export class ProofError extends Error {
  readonly code = 'NOT_PROVED';

  constructor(message: string) {
    super(message);
    this.name = 'ProofError';
  }
}

/** Most bytes of the file of a proof; an event with all of its data is far smaller. */
export const MAX_PROOF_BYTES = 64 * 2 ** 20;

const FORMAT = 'afterwrite-proof-1';
const LINE = new RegExp(
  `^\\{"proof":"${FORMAT}","path":\\[((?:"[0-9a-f]{64}"(?:,(?="))?)*)\\],"head":(\\{[^{}]*\\}),` +
    '"signature":"([A-Za-z0-9+/]{85}[AQgw]==)","event":(\\{"position":([1-9]\\d{0,14}),.*)\\}\\n?$',
  's',
);

/** The proof as one line of JSON, without a line feed. */
export function proofLine({ content, path, head }: InclusionProof): string {
  const hashes = path.map((hash) => `"${hash.toString('hex')}"`).join(',');
  return `{"proof":"${FORMAT}","path":[${hashes}],"head":${head.text},"signature":"${head.signature}","event":${content}}`;
}

/**
 * Verifies a proof with nothing but public keys.
 * @param file what {@link proofLine} has written, with a line feed or without.
 * @param keys the public keys whose signatures count, by their ids.
 * @param origin the hash that identifies the log, if it must be that one: a key may have signed several.
 * @throws {ProofError} NOT_PROVED with the first reason.
 */
export function verifyProof(file: Buffer, keys: ReadonlyMap<string, KeyObject>, origin?: Buffer): ProvedEvent {
  // Latin-1 keeps each byte apart, so that the content is hashed as it is.
  const [, hashes, text, signature, event, digits] = LINE.exec(file.toString('latin1')) ?? [];
  if (hashes === undefined || text === undefined || signature === undefined || event === undefined) {
    throw new ProofError('The file does not have the form of a proof: it was altered, or is something else.');
  }
  const head = readHead(text);
  if (!head) throw new ProofError('The head in the proof has another form than heads are signed in.');
  const key = keys.get(head.keyId);
  if (!key) throw new ProofError(`The head in the proof is signed by another key (${head.keyId}) than yours.`);
  if (!isSignedBy({ text, signature }, key)) {
    throw new ProofError('The signature in the proof does not fit its head: one of them was altered.');
  }
  if (origin && !head.origin.equals(origin)) {
    throw new ProofError(`The proof is of another log (${head.origin.toString('hex')}) than yours.`);
  }
  const content = Buffer.from(event, 'latin1');
  const position = Number(digits);
  const path = (hashes.match(/\w+/g) ?? []).map((hash) => Buffer.from(hash, 'hex'));
  const root = rootOfInclusion(leafHash(content), { index: position - 1, size: head.position, path });
  if (!root?.equals(head.root)) {
    throw new ProofError(
      `Event ${position} and the path do not lead to the root that was signed: one of them was altered.`,
    );
  }
  return { position, content: content.toString(), head };
}
