import type { KeyObject } from 'node:crypto';
import { readCertificate } from './encryption-certificate.ts';
import { leafHash } from './hashes.ts';
import { rootOfInclusion } from './merkle-inclusion.ts';
import { type HeadContent, isSignedBy, readHead, type SignedHead } from './signed-head.ts';

/** Proof that a log has an event: its content, and the way from there to a signed root of the Merkle tree (RFC 6962). */
export interface InclusionProof {
  /** The event as it is stored, byte for byte. It begins with its position. */
  readonly content: string;
  /** Set if the event was encrypted after it was recorded: the leaf of its former content, and the proof of the event that certifies the new content. */
  readonly encrypted?: { readonly formerLeaf: Buffer; readonly certificate: InclusionProof } | undefined;
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
  /** The event that certifies its content, if it was encrypted since. */
  readonly certificate?: ProvedEvent;
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

type Keys = ReadonlyMap<string, KeyObject>;

const OTHER_FORM = 'The file does not have the form of a proof: it was altered, or is something else.';
const FORMAT = 'afterwrite-proof-1';
const LINE = new RegExp(
  `^\\{"proof":"${FORMAT}","path":\\[((?:"[0-9a-f]{64}"(?:,(?="))?)*)\\],"head":(\\{[^{}]*\\}),` +
    '"signature":"([A-Za-z0-9+/]{85}[AQgw]==)",(?:"formerLeaf":"([0-9a-f]{64})",)?"event":(\\{"position":([1-9]\\d{0,14}),.*)\\}$',
  's',
);

/**
 * The proof as one line of JSON, without a line feed at the end. The proof of an event that was encrypted has a second line: that of the
 * event that certifies it.
 */
export function proofLine({ content, encrypted, path, head }: InclusionProof): string {
  const was = encrypted ? `"formerLeaf":"${encrypted.formerLeaf.toString('hex')}",` : '';
  const more = encrypted ? `\n${proofLine(encrypted.certificate)}` : '';
  const hashes = path.map((hash) => `"${hash.toString('hex')}"`).join(',');
  return `{"proof":"${FORMAT}","path":[${hashes}],"head":${head.text},"signature":"${head.signature}",${was}"event":${content}}${more}`;
}

/**
 * Verifies a proof with nothing but public keys.
 * @param file what {@link proofLine} has written, with a line feed or without.
 * @param keys the public keys whose signatures count, by their ids.
 * @param origin the hash that identifies the log, if it must be that one: a key may have signed several.
 * @throws {ProofError} NOT_PROVED with the first reason.
 */
export function verifyProof(file: Buffer, keys: Keys, origin?: Buffer): ProvedEvent {
  // Latin-1 keeps each byte apart, so that the content is hashed as it is.
  const [line = '', ...more] = file.toString('latin1').replace(/\n$/, '').split('\n');
  const { formerLeaf, ...proved } = verifyLine(line, keys, origin);
  // An event that was encrypted has a second line.
  if (more.length !== (formerLeaf === undefined ? 0 : 1)) throw new ProofError(OTHER_FORM);
  const [second] = more;
  if (second === undefined) return proved;
  return { ...proved, certificate: verifyCertificate(second, proved, keys) };
}

/** Verifies that another event of the same log certifies the content. */
function verifyCertificate(line: string, { position, content, head }: ProvedEvent, keys: Keys): ProvedEvent {
  const { formerLeaf, ...certificate } = verifyLine(line, keys);
  const listed = readCertificate(Buffer.from(certificate.content));
  const nth = listed?.positions.indexOf(position) ?? -1;
  const isListed = listed?.leaves[nth]?.equals(leafHash(Buffer.from(content)));
  if (formerLeaf !== undefined || !isListed || !certificate.head.origin.equals(head.origin)) {
    throw new ProofError(
      `Event ${position} was encrypted after it was recorded, and event ${certificate.position} does not certify this content.`,
    );
  }
  return certificate;
}

function verifyLine(
  line: string,
  keys: Keys,
  origin?: Buffer,
): ProvedEvent & { readonly formerLeaf: string | undefined } {
  const [, hashes, text, signature, formerLeaf, event, digits] = LINE.exec(line) ?? [];
  if (hashes === undefined || text === undefined || signature === undefined || event === undefined) {
    throw new ProofError(OTHER_FORM);
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
  const leaf = formerLeaf === undefined ? leafHash(content) : Buffer.from(formerLeaf, 'hex');
  const root = rootOfInclusion(leaf, { index: position - 1, size: head.position, path });
  if (!root?.equals(head.root)) {
    throw new ProofError(
      `Event ${position} and the path do not lead to the root that was signed: one of them was altered.`,
    );
  }
  return { position, content: content.toString(), head, formerLeaf };
}
