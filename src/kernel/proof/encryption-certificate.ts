import { hash } from 'node:crypto';
import { HASH_BYTES } from './hashes.ts';

/** The stream of the certificates: which events were encrypted after they were recorded. No aggregate can have a name with a full stop. */
export const ENCRYPTIONS = {
  streamType: 'afterwrite.Encryptions',
  streamId: '00000000-0000-8000-8000-656e63727970',
} as const;

/** Marks an event that was encrypted after it was recorded: its content is not what its place in the chain was computed from. */
export interface Encrypted {
  /** Id of the event that certifies it. */
  readonly certificate: string;
  /** The leaf of the present content. */
  readonly leaf: Buffer;
}

/** What an event of the log says of events before it that were encrypted. */
export interface Certificate {
  /** The event's id. */
  readonly id: string;
  /** Their positions, in order. */
  readonly positions: readonly number[];
  /** The leaves of their present contents, in the same order. */
  readonly leaves: readonly Buffer[];
}

/** Near the beginning of a content; later, in data, names and values have a blank between them. */
const MARK = Buffer.from(`,"streamType":"${ENCRYPTIONS.streamType}",`);
/** Bytes in which that must be found. */
const MARK_WITHIN = 300;

/** False if among several contents there is none of a certificate: one search for all of them. */
export function mayCertify(contents: Buffer): boolean {
  return contents.includes(MARK);
}

/**
 * @returns undefined if a content is not that of a certificate, as of nearly all events. Whoever writes to the database decides
 *   what an event of that stream says: one of another form certifies nothing.
 */
export function readCertificate(content: Buffer): Certificate | undefined {
  if (content.subarray(0, MARK_WITHIN).indexOf(MARK) < 0) return undefined;
  const { eventId, data } = parsed(content);
  const id = typeof eventId === 'string' ? eventId : '';
  const { positions, leaves } = (data ?? {}) as { readonly positions?: unknown; readonly leaves?: unknown };
  if (!isPositions(positions) || typeof leaves !== 'string' || !HEX.test(leaves))
    return { id, positions: [], leaves: [] };
  const bytes = Buffer.from(leaves, 'hex');
  if (leaves.length !== 2 * HASH_BYTES * positions.length) return { id, positions: [], leaves: [] };
  return {
    id,
    positions,
    leaves: positions.map((_, nth) => bytes.subarray(nth * HASH_BYTES, (nth + 1) * HASH_BYTES)),
  };
}

const HEX = /^[0-9a-f]*$/;

function parsed(content: Buffer): { readonly eventId?: unknown; readonly data?: unknown } {
  try {
    return JSON.parse(content.toString());
  } catch {
    return {};
  }
}

function isPositions(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((position) => Number.isSafeInteger(position));
}

interface Pending {
  readonly first: number;
  last: number;
  count: number;
  /** A hash over the positions and leaves so far, so that memory does not grow with them. */
  digest: Buffer;
}

/** What is wrong between a certificate and the events that it should list. */
export interface CertificateFault {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/**
 * Compares events that were encrypted with the certificates that come after them. What a certificate says counts once a signed
 * head covers it.
 */
export class EncryptionLedger {
  readonly #from: number;
  readonly #pending = new Map<string, Pending>();
  #unsigned = 0;
  #signed = 0;

  /** @param from the first position that is verified. */
  constructor(from: number) {
    this.#from = from;
  }

  /** Number of events that were encrypted, as a certificate says that a signed head covers. */
  get certified(): number {
    return this.#signed;
  }

  /** Number of events that were encrypted, without such a certificate so far. */
  get uncertified(): number {
    let count = this.#unsigned;
    for (const pending of this.#pending.values()) count += pending.count;
    return count;
  }

  /** Takes the next event that was encrypted. */
  add(position: number, { certificate, leaf }: Encrypted): void {
    const pending = this.#pending.get(certificate) ?? { first: position, last: position, count: 0, digest: NOTHING };
    this.#pending.set(certificate, pending);
    pending.last = position;
    pending.count++;
    pending.digest = digestOf(pending.digest, position, leaf);
  }

  /** Compares a certificate with the events before it. */
  certify({ id, positions, leaves }: Certificate): CertificateFault | undefined {
    const pending = this.#pending.get(id);
    let digest: Buffer = NOTHING;
    let [first, last, count] = [0, 0, 0];
    for (const [nth, position] of positions.entries()) {
      if (position < this.#from) continue;
      digest = digestOf(digest, position, leaves[nth] ?? NOTHING);
      if (count++ === 0) first = position;
      last = position;
    }
    if (!digest.equals(pending?.digest ?? NOTHING)) {
      const reason = 'among the events that were encrypted, one is not what its certificate says';
      return {
        from: Math.min(pending?.first ?? first, first || (pending?.first ?? 0)),
        to: Math.max(pending?.last ?? last, last),
        reason,
      };
    }
    this.#pending.delete(id);
    this.#unsigned += count;
    return undefined;
  }

  /** A signed head covers everything so far. */
  sign(): void {
    this.#signed += this.#unsigned;
    this.#unsigned = 0;
  }
}

const NOTHING: Buffer = Buffer.alloc(HASH_BYTES);

function digestOf(before: Buffer, position: number, leaf: Buffer): Buffer {
  return hash('sha256', Buffer.concat([before, Buffer.from(`${position} `), leaf]), 'buffer');
}
