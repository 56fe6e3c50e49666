import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { ENCRYPTIONS } from '../proof/encryption-certificate.ts';
import type { InclusionProof } from '../proof/inclusion-proof.ts';
import { LogFault } from '../proof/log-fault.ts';
import { MerkleFrontier } from '../proof/merkle-frontier.ts';
import { inclusionRanges, rootOfInclusion } from '../proof/merkle-inclusion.ts';
import { headsAfter, lastHead } from './heads/head-store.ts';
import { treeOf } from './heads/verify-head.ts';
import { type LinkedEvent, StoredChain } from './stored-chain.ts';

/**
 * Proves that the log has an event, against the first head that covers it. Only the events between this head and the one before
 * are read, however long the log is, unless the one before was damaged.
 * @returns undefined if no head covers the position yet, or the event that certifies it.
 * @throws {LogFault} if these events are not what was signed.
 */
export async function proveEvent(
  db: Database,
  position: number,
  signal: AbortSignal,
): Promise<InclusionProof | undefined> {
  const [head] = await headsAfter(db, position - 1, 1);
  if (!head) return undefined;
  const before = await lastHead(db, position - 1);
  // If somebody has damaged the head before, its tree is made from the first event on.
  const tree = (before && treeOf(before)) ?? new MerkleFrontier();
  const path = new PathBuilder(position - 1, head.position, tree);
  let proved: LinkedEvent | undefined;
  for await (const page of new StoredChain(db).pages(path.next, head.position, signal)) {
    for (const event of page) {
      path.push(event.leaf);
      // The rest of the page need not stay in memory.
      if (event.position === position) proved = { ...event, content: Buffer.from(event.content) };
    }
  }
  const hashes = path.hashes();
  const root = proved && rootOfInclusion(proved.leaf, { index: position - 1, size: head.position, path: hashes });
  if (!proved || !head.content || !root?.equals(head.content.root)) {
    throw new LogFault(
      `the events up to position ${head.position} are not what was signed there`,
      (before?.position ?? 0) + 1,
      head.position,
    );
  }
  const proof = { content: proved.content.toString(), path: hashes, head: head.signed };
  if (!proved.encrypted) return proof;
  const certificate = await proveCertificate(db, proved.encrypted.certificate, signal);
  return certificate && { ...proof, encrypted: { formerLeaf: proved.leaf, certificate } };
}

/** @returns undefined if the event is not there, or no head covers it yet. */
async function proveCertificate(db: Database, id: string, signal: AbortSignal): Promise<InclusionProof | undefined> {
  const [event] = await db.execute<{ position: number }>(
    sql`select position from es.events where event_id = ${id}::uuid and stream_type = ${ENCRYPTIONS.streamType}`,
  );
  return event && proveEvent(db, Number(event.position), signal);
}

/** Makes the path of a leaf from the leaves between two heads. */
class PathBuilder {
  readonly #index: number;
  /** All leaves up to the one that is proved; its peaks are the path's hashes on the left. */
  readonly #left: MerkleFrontier;
  /** The complete and incomplete subtrees on the right, with the number of leaves that each gets. */
  readonly #right: { readonly tree: MerkleFrontier; readonly size: number }[];
  readonly #order: readonly ('left' | 'right')[];
  #next: number;

  constructor(index: number, size: number, before: MerkleFrontier) {
    const ranges = inclusionRanges(index, size);
    this.#index = index;
    this.#left = before;
    this.#right = ranges
      .filter(({ from }) => from > index)
      .map(({ from, to }) => ({ tree: new MerkleFrontier(), size: to - from }));
    this.#order = ranges.map(({ from }) => (from > index ? 'right' : 'left'));
    this.#next = before.size;
  }

  /** The index of the leaf that is to be pushed next. */
  get next(): number {
    return this.#next;
  }

  push(leaf: Buffer): void {
    const at = this.#next++;
    if (at < this.#index) this.#left.push(leaf);
    if (at > this.#index) this.#right.find(({ tree, size }) => tree.size < size)?.tree.push(leaf);
  }

  hashes(): Buffer[] {
    const left = this.#left.peaks();
    const right = this.#right.map(({ tree }) => tree.root());
    return this.#order.flatMap((side) => (side === 'left' ? left.pop() : right.shift()) ?? []);
  }
}
