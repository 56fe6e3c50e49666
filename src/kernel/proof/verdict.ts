import type { HeadContent } from './signed-head.ts';

/** Where and why an export is not what was written. */
export interface ProofFault {
  /** The first position that may be at fault. */
  readonly from: number;
  /** The last one; the same as `from` if the fault is known exactly. */
  readonly to: number;
  readonly reason: string;
}

/** What an export proves and what it does not. */
export interface ProofVerdict {
  /** The hash that identifies the log, as the file says and its heads confirm; undefined if it has no first line. */
  readonly origin: Buffer | undefined;
  /** The range that it claims to have. */
  readonly from: number;
  readonly to: number;
  /** The first fault; undefined if there is none. */
  readonly fault: ProofFault | undefined;
  /** The last position of the range up to which the chain is whole. */
  readonly followed: number;
  /** The first and the last head that fit the chain and are signed; undefined if there is none. */
  readonly firstHead: HeadContent | undefined;
  readonly head: HeadContent | undefined;
  /** Number of such heads. */
  readonly heads: number;
  /** Number of them that the witness has too; undefined if none was asked, or not to the end. */
  readonly witnessed: number | undefined;
  /** Number of events that were encrypted after they were signed, as an event says that is signed too; and of those without such an event. */
  readonly encrypted: number;
  readonly uncertified: number;
}

/** True if at least one event is proved and nothing is wrong. */
export function isProved(verdict: ProofVerdict): boolean {
  const { fault, from, uncertified } = verdict;
  return fault === undefined && lastProved(verdict) >= from && uncertified === 0;
}

/** The last position that is proved; less than the first one if none is. A head after the range proves no event without content. */
function lastProved({ head, from, to }: ProofVerdict): number {
  return Math.min(head?.position ?? from - 1, to);
}

/** The verdict in words: what is wrong, what is proved, what is not. */
export function verdictLines(verdict: ProofVerdict): string[] {
  const { origin, from, fault, followed, firstHead, head, heads, witnessed, encrypted, uncertified } = verdict;
  const lines: string[] = [];
  if (fault) lines.push(`FAULT at ${positions(fault.from, fault.to)}: ${fault.reason}.`);
  const proved = lastProved(verdict);
  if (!head || !firstHead || !origin || proved < from) {
    lines.push('NOTHING IS PROVED: no signed head confirms any event of this export.');
    return lines;
  }
  lines.push(`PROVED: ${events(from, proved)} what was signed.`);
  lines.push(`Log: ${origin.toString('hex')}.`);
  lines.push(`First head: ${sentenceOf(firstHead)}. Nothing is proved about the time before.`);
  if (heads > 1) lines.push(`Last of ${heads} heads: ${sentenceOf(head)}.`);
  if (witnessed !== undefined) lines.push(`The witness has ${witnessed} of these heads, and no other.`);
  if (encrypted > 0) {
    lines.push(
      `ENCRYPTED SINCE: ${encrypted} of these events. That their content is what the log certified is proved; that it was the same before is not.`,
    );
  }
  if (uncertified > 0) {
    lines.push(
      `NOT PROVED: the content of ${uncertified} of these events, which were encrypted later; no signed event in this export certifies them.`,
    );
  }
  if (followed > proved) {
    lines.push(`NOT PROVED: ${events(proved + 1, followed)} chained to them, but no head in this export signs them.`);
  }
  return lines;
}

function sentenceOf({ position, signedAt, keyId }: HeadContent): string {
  return `position ${position}, signed ${signedAt.toISOString()} with key ${keyId}`;
}

function positions(from: number, to: number): string {
  return from === to ? `position ${from}` : `positions ${from} to ${to}`;
}

function events(from: number, to: number): string {
  return from >= to ? `event ${to} is` : `events ${from} to ${to} are`;
}
