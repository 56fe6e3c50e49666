import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** The state of the log at a position, as it is signed. */
export interface HeadContent {
  /** The hash of the log's origin, which identifies the log. */
  readonly origin: Buffer;
  /** The last event that it covers. */
  readonly position: number;
  /** The hash that the chain has after this event. */
  readonly hash: Buffer;
  /** The root of the Merkle tree of all events up to this one. */
  readonly root: Buffer;
  /** The hash of the text of the head before; undefined for the first one. */
  readonly previous: Buffer | undefined;
  readonly signedAt: Date;
  /** See {@link keyIdOf}. */
  readonly keyId: string;
}

/** A head with its signature. The text is what was signed, byte for byte. */
export interface SignedHead {
  readonly text: string;
  /** Ed25519 over the text, as base64. */
  readonly signature: string;
}

const FORMAT = 'afterwrite-head-1';
const KEY_ID_DIGITS = 32;

const TEXT = new RegExp(
  `^\\{"format":"${FORMAT}","origin":"([0-9a-f]{64})","position":([1-9]\\d{0,14}),"hash":"([0-9a-f]{64})",` +
    '"root":"([0-9a-f]{64})","previous":(?:"([0-9a-f]{64})"|null),' +
    '"signedAt":"(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z)","keyId":"([0-9a-f]{32})"\\}$',
);

/**
 * A head as a line of an export or of a witness: JSON in which the text of the head is a value. Base64 of 64 bytes has four
 * bits that mean nothing: only one way of writing them is accepted.
 */
const LINE = new RegExp(`^\\{"head":(\\{"format":"${FORMAT}",[^{}]*\\}),"signature":"([A-Za-z0-9+/]{85}[AQgw]==)"\\}$`);

/** The text of a head: JSON with these members in this order, without blanks. */
export function headText({ origin, position, hash, root, previous, signedAt, keyId }: HeadContent): string {
  return JSON.stringify({
    format: FORMAT,
    ...{ origin: origin.toString('hex'), position, hash: hash.toString('hex'), root: root.toString('hex') },
    ...{ previous: previous?.toString('hex') ?? null, signedAt: signedAt.toISOString(), keyId },
  });
}

/** @returns undefined if the text is not exactly what {@link headText} writes. */
export function readHead(text: string): HeadContent | undefined {
  const [, origin, position, hash, root, previous, signedAt, keyId] = TEXT.exec(text) ?? [];
  if (!origin || !hash || !root || !signedAt || !keyId || Number.isNaN(Date.parse(signedAt))) return undefined;
  return {
    origin: Buffer.from(origin, 'hex'),
    position: Number(position),
    hash: Buffer.from(hash, 'hex'),
    root: Buffer.from(root, 'hex'),
    previous: previous === undefined ? undefined : Buffer.from(previous, 'hex'),
    signedAt: new Date(signedAt),
    keyId,
  };
}

/** Signs a head. @param privateKey Ed25519. */
export function signHead(head: HeadContent, privateKey: KeyObject): SignedHead {
  const text = headText(head);
  return { text, signature: sign(null, Buffer.from(text), privateKey).toString('base64') };
}

/** True if the owner of the key has signed this text. */
export function isSignedBy({ text, signature }: SignedHead, publicKey: KeyObject): boolean {
  return verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64'));
}

/** The hash of a head's text, which the next head has as `previous`. */
export function headHash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * Identifies a key by its public part: the first 32 hexadecimal digits of the SHA-256 of its SPKI in DER.
 * @param key private or public.
 */
export function keyIdOf(key: KeyObject): string {
  const spki = (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex').slice(0, KEY_ID_DIGITS);
}

/** The line of a head in an export or a witness, without the line feed. */
export function headLine({ text, signature }: SignedHead): string {
  return `{"head":${text},"signature":"${signature}"}`;
}

/** @returns undefined if it is not exactly what {@link headLine} writes. */
export function readHeadLine(line: string): SignedHead | undefined {
  const [, text, signature] = LINE.exec(line) ?? [];
  if (text === undefined || signature === undefined) return undefined;
  return { text, signature };
}
