import { chainHash, leafHash } from '../proof/hashes.ts';
import { LogFault } from '../proof/log-fault.ts';
import type { LinkedEvent } from './stored-chain.ts';

/**
 * Reads the events after a position up to another one, in pages, in the order of their positions. The memory of a page is used only
 * until the next one is read.
 */
export type ReadEvents = (after: number, until: number) => AsyncIterable<Iterable<LinkedEvent>>;

/** The last position that is right, with its hash. */
export interface LastRight {
  readonly position: number;
  readonly hash: Buffer;
}

/** Maximum number of events in a row whose removal is recognised if later events were renumbered. */
const MOST_REMOVED = 1000;

/**
 * Finds out what was done to the log, if its chain does not go on after `last`. An event that was moved to another position fits
 * the chain at the position that it had, so it is looked for in the rest of the log.
 * @param fault what does not fit. It is the answer if nothing more can be found out.
 * @param end the last position of the log.
 */
export async function explainFault(fault: LogFault, last: LastRight, end: number, read: ReadEvents): Promise<LogFault> {
  const at = last.position + 1;
  const [first, second] = await eventsFrom(read, at, 1 + MOST_REMOVED, 2);
  if (!first) return fault;
  if (first.position > at) return explainGap(first, last);
  const belongs = await findMoved(first, last, end, read);
  if (belongs) return explainMoved(first, belongs, last, read);
  const removed = second && countRemoved(first, second, await hashesFrom(read, at, 1 + MOST_REMOVED));
  if (removed === undefined)
    return new LogFault('the event was altered, or the one before it together with its hash', at);
  return new LogFault(`${eventsWere(removed)} removed, and later ones renumbered`, at);
}

function explainGap(first: LinkedEvent, { position, hash }: LastRight): LogFault {
  const at = position + 1;
  if (fits(hash, first, at, [first.hash])) {
    return new LogFault(`the event was renumbered: it is at position ${first.position} now`, at);
  }
  return new LogFault(`${eventsWere(first.position - at)} removed`, at, first.position - 1);
}

/** @param belongs the event that belongs where `first` is. */
async function explainMoved(
  first: LinkedEvent,
  belongs: LinkedEvent,
  last: LastRight,
  read: ReadEvents,
): Promise<LogFault> {
  const at = first.position;
  const hash = hashAt(last.hash, belongs, at);
  const [before, after] = [...(await eventsFrom(read, belongs.position - 1, 3))].filter(
    (event) => event.position !== belongs.position,
  );
  const beforeIt = belongs.position - 1 === at ? hash : before?.hash;
  if (beforeIt && fits(beforeIt, first, belongs.position, [first.hash, belongs.hash])) {
    return new LogFault(`the events at this position and at ${belongs.position} were exchanged`, at);
  }
  if (!after || fits(hash, after, at + 1, [after.hash])) {
    return new LogFault(
      `${eventsWere(belongs.position - at)} inserted, and later ones renumbered`,
      at,
      belongs.position - 1,
    );
  }
  return new LogFault(`events were reordered: the one that belongs here is at position ${belongs.position}`, at);
}

/**
 * How many events are missing before `first`, if it and all later ones were renumbered, with their hashes or without them.
 * @param hashes of the events from `first` on.
 */
function countRemoved(first: LinkedEvent, second: LinkedEvent, hashes: readonly Buffer[]): number | undefined {
  for (let removed = 1; removed < MOST_REMOVED; removed++) {
    if (fits(first.hash, second, second.position + removed, [second.hash])) return removed;
    const [before, itsOwn] = [hashes[removed - 1], hashes[removed]];
    if (before && itsOwn && fits(before, first, first.position + removed, [itsOwn])) return removed;
  }
  return undefined;
}

const eventsWere = (count: number) => (count === 1 ? 'the event was' : `${count} events were`);

/** The event that belongs where `first` is. Its hash has moved with it, or has stayed. */
async function findMoved(
  first: LinkedEvent,
  last: LastRight,
  end: number,
  read: ReadEvents,
): Promise<LinkedEvent | undefined> {
  for await (const page of read(first.position, end)) {
    for (const event of page) {
      if (fits(last.hash, event, first.position, [event.hash, first.hash])) return copyOf(event);
    }
  }
  return undefined;
}

/** True if an event at a position gives one of these hashes. */
function fits(before: Buffer, event: LinkedEvent, position: number, hashes: readonly Buffer[]): boolean {
  const hash = hashAt(before, event, position);
  return hashes.some((other) => other.equals(hash));
}

/** The hash that an event would have at a position. */
function hashAt(before: Buffer, { content, encrypted, leaf, position: own }: LinkedEvent, position: number): Buffer {
  // The content with which it was recorded is not known any more.
  if (encrypted && position === own) return chainHash(before, leaf);
  return chainHash(before, leafHash(withPosition(content, position)));
}

function withPosition(content: Buffer, position: number): Buffer {
  return Buffer.concat([Buffer.from(`{"position":${position}`), content.subarray(content.indexOf(','))]);
}

/** The first `most` events of so many positions. They are copied, so that the memory of their pages can be used again. */
async function eventsFrom(read: ReadEvents, position: number, count: number, most = count): Promise<LinkedEvent[]> {
  const events: LinkedEvent[] = [];
  for await (const page of read(position - 1, position - 1 + count)) {
    for (const event of page) {
      events.push(copyOf(event));
      if (events.length === most) return events;
    }
  }
  return events;
}

/** The hashes of many events, whose contents would take too much memory together. */
async function hashesFrom(read: ReadEvents, position: number, count: number): Promise<Buffer[]> {
  const hashes: Buffer[] = [];
  for await (const page of read(position - 1, position - 1 + count)) {
    for (const { hash } of page) hashes.push(Buffer.from(hash));
  }
  return hashes;
}

function copyOf(event: LinkedEvent): LinkedEvent {
  return { ...event, content: Buffer.from(event.content) };
}
