import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { endLine, eventLineParts, headerLine, leafLine } from '../../../src/kernel/proof/export-lines.ts';
import { chainHash, leafHash, originHash } from '../../../src/kernel/proof/hashes.ts';
import { MerkleFrontier } from '../../../src/kernel/proof/merkle-frontier.ts';
import { headHash, headLine, keyIdOf, type SignedHead, signHead } from '../../../src/kernel/proof/signed-head.ts';

export const KEYS = generateKeyPairSync('ed25519');
export const ORIGIN = 'afterwrite log 0b3b8a5e-6a44-4a7e-9d55-0c4b8f5b8a11';

/** A log in memory, as a database with the owner of a key would have it. */
export interface MadeLog {
  readonly contents?: readonly string[];
  /** The number of events, if their contents do not matter. */
  readonly size?: number;
  /** The positions at which a head is signed. */
  readonly heads: readonly number[];
  readonly origin?: string;
  readonly privateKey?: KeyObject;
}

export interface MadeRange {
  readonly from?: number;
  readonly to?: number;
  /** The last position with a leaf, if it is not the one of the next head. */
  readonly until?: number;
}

/** The content of an event as the database writes it, with characters of one to four bytes. */
export function contentOf(position: number): string {
  return `{"position":${position},"streamType":"Order","type":"Placed","data":{"note": "é€😀 \\n ${'x'.repeat(position % 7)}"}}`;
}

/** The lines of an export of the log. */
export function exportOf(log: MadeLog, { from = 1, to, until }: MadeRange = {}): string[] {
  const { heads, origin = ORIGIN, privateKey = KEYS.privateKey } = log;
  const contents = log.contents ?? Array.from({ length: log.size ?? 0 }, (_, n) => contentOf(n + 1));
  const last = to ?? contents.length;
  const end = until ?? heads.find((position) => position >= last) ?? last;
  const tree = new MerkleFrontier();
  let hash = originHash(origin);
  let head: SignedHead | undefined;
  const lines: string[] = [];
  const begin = () => {
    const peaks = tree.peaks();
    const previousHead = head && headHash(head.text);
    lines.push(headerLine({ origin, from, to: last, before: hash, peaks, previousHead }));
  };
  const counts = { events: 0, heads: 0 };
  for (const [index, content] of contents.slice(0, end).entries()) {
    const position = index + 1;
    if (position === from) begin();
    const leaf = leafHash(Buffer.from(content));
    hash = chainHash(hash, leaf);
    tree.push(leaf);
    if (position >= from && position <= last) {
      lines.push(Buffer.concat(eventLineParts({ hash, leaf, content: Buffer.from(content) })).toString());
      counts.events++;
    } else if (position > last) {
      lines.push(leafLine(hash.toString('hex'), leaf.toString('hex')));
    }
    if (!heads.includes(position)) continue;
    head = signHead(
      {
        ...{ origin: originHash(origin), position, hash, root: tree.root() as Buffer },
        previous: head && headHash(head.text),
        signedAt: new Date(Date.UTC(2026, 0, 1) + position * 1000),
        keyId: keyIdOf(privateKey),
      },
      privateKey,
    );
    if (position < from) continue;
    lines.push(headLine(head));
    counts.heads++;
  }
  if (lines.length === 0) begin();
  lines.push(endLine({ end, ...counts }));
  return lines;
}

/** The file of these lines. */
export function fileOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}
