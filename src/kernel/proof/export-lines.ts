import type { ChainedEvent } from './chain-verifier.ts';
import { type Encrypted, readCertificate } from './encryption-certificate.ts';
import { leafHash, originHash } from './hashes.ts';
import { readHeadLine, type SignedHead } from './signed-head.ts';

/** The first line of an export. */
export interface ExportHeader {
  /** The text that identifies the log; its hash is before the first event of the chain. */
  readonly origin: string;
  /** The first and the last position whose content is exported. The export has no event if `to` is less than `from`. */
  readonly from: number;
  readonly to: number;
  /** The hash that the chain has before the first position. */
  readonly before: Buffer;
  /** The peaks of the Merkle tree of all events before the first position. */
  readonly peaks: readonly Buffer[];
  /** The hash of the text of the last head before the first position; undefined if there is none. */
  readonly previousHead: Buffer | undefined;
}

/** The last line of an export: without it the file is cut off. */
export interface ExportEnd {
  /** The last position of the chain in this file, of an event or a leaf. */
  readonly end: number;
  /** Number of events with their contents. */
  readonly events: number;
  readonly heads: number;
}

/** A line after the first one. */
export type ExportLine =
  | { readonly kind: 'event'; readonly event: ChainedEvent }
  /** An event after the range, without its content: it connects the range with the next head. */
  | { readonly kind: 'leaf'; readonly leaf: Buffer; readonly hash: Buffer }
  | { readonly kind: 'head'; readonly head: SignedHead }
  | { readonly kind: 'end'; readonly end: ExportEnd };

const FORMAT = 'afterwrite-export-1';
/** Numbers have at most 15 digits, so that they are exact. */
const HEADER = new RegExp(
  `^\\{"export":"${FORMAT}","origin":"([\\w -]+)","from":([1-9]\\d{0,14}),"to":(0|[1-9]\\d{0,14}),"before":"([0-9a-f]{64})",` +
    '"peaks":\\[((?:"[0-9a-f]{64}"(?:,(?="))?)*)\\],"previousHead":(?:"([0-9a-f]{64})"|null)\\}$',
);

const EVENT_START = '{"hash":"';
const CONTENT_START = '","event":';
/** Before the content of an event that was encrypted: the leaf that it was recorded with, and the id of the event that certifies it. */
const WAS_START = '","formerLeaf":"';
const BY_START = '","certificate":"';
/** What an event's line has before its content. */
const BEFORE =
  /^\{"hash":"([0-9a-f]{64})"(?:,"formerLeaf":"([0-9a-f]{64})","certificate":"([0-9a-f-]{36})")?,"event":$/;
/** Most bytes of that. */
const MAX_BEFORE = EVENT_START.length + WAS_START.length + BY_START.length + CONTENT_START.length + 64 + 64 + 36;
/** The content says first which position it has. */
const POSITION = /^\{"position":([1-9]\d{0,14}),/;
/** Bytes that are read for the position. */
const POSITION_BYTES = 40;

const LEAF = /^\{"hash":"([0-9a-f]{64})","leaf":"([0-9a-f]{64})"\}$/;
const END = /^\{"end":(0|[1-9]\d{0,14}),"events":(0|[1-9]\d{0,14}),"heads":(0|[1-9]\d{0,14})\}$/;

/** The hash of the origin of an exported log. */
export function originOf({ origin }: ExportHeader): Buffer {
  return originHash(origin);
}

/** The first line, without the line feed. */
export function headerLine({ origin, from, to, before, peaks, previousHead }: ExportHeader): string {
  return JSON.stringify({
    export: FORMAT,
    ...{ origin, from, to, before: before.toString('hex'), peaks: peaks.map((peak) => peak.toString('hex')) },
    previousHead: previousHead?.toString('hex') ?? null,
  });
}

/** The line of an event, in parts that are not copied. Its content is as it was hashed, byte for byte. */
export function eventLineParts({ hash, leaf, encrypted, content }: ExportedEvent): Buffer[] {
  const was = encrypted ? `${WAS_START}${leaf.toString('hex')}${BY_START}${encrypted.certificate}` : '';
  return [Buffer.from(`${EVENT_START}${hash.toString('hex')}${was}${CONTENT_START}`), content, CLOSING];
}

export interface ExportedEvent {
  readonly hash: Buffer;
  readonly leaf: Buffer;
  readonly encrypted?: Pick<Encrypted, 'certificate'> | undefined;
  readonly content: Buffer;
}

/** The line of an event after the range. */
export function leafLine(hash: string, leaf: string): string {
  return `{"hash":"${hash}","leaf":"${leaf}"}`;
}

/** The last line. */
export function endLine({ end, events, heads }: ExportEnd): string {
  return JSON.stringify({ end, events, heads });
}

/** @returns undefined if it is not exactly what {@link headerLine} writes. */
export function readHeader(line: Buffer): ExportHeader | undefined {
  const [, origin, from, to, before, peaks, previousHead] = HEADER.exec(line.toString('latin1')) ?? [];
  if (origin === undefined || before === undefined || peaks === undefined || Number(to) < Number(from) - 1)
    return undefined;
  return {
    ...{ origin, from: Number(from), to: Number(to) },
    before: Buffer.from(before, 'hex'),
    peaks: (peaks.match(/\w+/g) ?? []).map((peak) => Buffer.from(peak, 'hex')),
    previousHead: previousHead === undefined ? undefined : Buffer.from(previousHead, 'hex'),
  };
}

/** @returns undefined if it is not exactly what an export has. */
export function readLine(line: Buffer): ExportLine | undefined {
  return line[2] === CODE_OF_H ? (readEvent(line) ?? readOther(line)) : readOther(line);
}

const CODE_OF_H = 'h'.charCodeAt(0);

/** The line of an event is read as bytes: contents are hashed, not understood. */
function readEvent(line: Buffer): ExportLine | undefined {
  const at = line.toString('latin1', 0, MAX_BEFORE).indexOf(CONTENT_START) + CONTENT_START.length;
  const [, hash, was, certificate] = BEFORE.exec(line.toString('latin1', 0, at)) ?? [];
  if (hash === undefined || line.at(-1) !== CODE_OF_BRACE) return undefined;
  const content = line.subarray(at, -1);
  const [, position] = POSITION.exec(content.toString('latin1', 0, POSITION_BYTES)) ?? [];
  if (position === undefined) return undefined;
  const leaf = leafHash(content);
  const event: ChainedEvent = {
    position: Number(position),
    leaf: was === undefined ? leaf : Buffer.from(was, 'hex'),
    hash: Buffer.from(hash, 'hex'),
    encrypted: certificate === undefined ? undefined : { certificate, leaf },
    certificate: readCertificate(content),
  };
  return { kind: 'event', event };
}

const CODE_OF_BRACE = '}'.charCodeAt(0);
const CLOSING = Buffer.of(CODE_OF_BRACE);

function readOther(line: Buffer): ExportLine | undefined {
  // Latin-1 keeps each byte apart: what is not ASCII does not match.
  const text = line.toString('latin1');
  const head = readHeadLine(text);
  if (head) return { kind: 'head', head };
  const [, hash, leaf] = LEAF.exec(text) ?? [];
  if (hash && leaf) return { kind: 'leaf', hash: Buffer.from(hash, 'hex'), leaf: Buffer.from(leaf, 'hex') };
  const [, end, events, heads] = END.exec(text) ?? [];
  if (end) return { kind: 'end', end: { end: Number(end), events: Number(events), heads: Number(heads) } };
  return undefined;
}
