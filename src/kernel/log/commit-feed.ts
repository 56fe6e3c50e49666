import { eventBytes, PAGE_BYTES } from '../bytes.ts';
import type { RecordedEvent } from '../define/event.ts';

/** Maximum number of events that an instance keeps in memory for the consumers of the log. */
export const FEED_LIMIT = 20_000;
/** Default size of these events in memory, in bytes (approximate). */
const FEED_BYTES = 32 * 2 ** 20;

/**
 * The newest events that this instance has committed. A consumer that keeps up with the log need not read them from the
 * database. The feed holds one range of the log without holes; after a hole (another instance appended) it starts
 * again.
 */
export class CommitFeed {
  readonly #limit: number;
  readonly #byteLimit: number;
  #events: RecordedEvent[] = [];
  /** For each event, the total bytes of all events that were pushed since the feed was cleared, including this one. */
  #through: number[] = [];
  /** Total bytes of the events that are no longer in the arrays. */
  #base = 0;
  readonly #readers: (() => number)[] = [];
  /** Index of the first event that counts. Removing events one by one from the front of a long array would be slow. */
  #first = 0;

  /**
   * @param limit maximum number of events.
   * @param byteLimit their approximate size in memory in bytes; default: 32 MB. One event is kept, however large it is.
   */
  constructor(limit: number, byteLimit = FEED_BYTES) {
    this.#limit = limit;
    this.#byteLimit = byteLimit;
  }

  /** Approximate bytes of the events in the feed. */
  get bytes(): number {
    return (this.#through.at(-1) ?? 0) - this.#before(this.#first);
  }

  /**
   * Registers a consumer of the log. Events that all consumers have read are dropped.
   * @param position how far it has read; Infinity if it reads nothing at the moment.
   */
  addReader(position: () => number): void {
    this.#readers.push(position);
  }

  /** Adds a committed batch in the order of positions. Skips events that the feed already has. */
  push(events: readonly RecordedEvent[]): void {
    let last = this.#events.at(-1)?.position;
    let through = this.#through.at(-1) ?? 0;
    for (const event of events) {
      if (last !== undefined && event.position <= last) continue;
      if (last !== undefined && event.position !== last + 1) {
        this.#clear();
        through = 0;
      }
      through += eventBytes(event);
      this.#events.push(event);
      this.#through.push(through);
      last = event.position;
    }
    let count = Math.max(0, this.#events.length - this.#first - this.#limit);
    const held = this.#events.length - this.#first;
    while (count < held - 1 && through - this.#before(this.#first + count) > this.#byteLimit) count++;
    this.#drop(count);
    if (this.#readers.length > 0) this.#forget(Math.min(...this.#readers.map((position) => position())));
  }

  #forget(position: number): void {
    const oldest = this.#events[this.#first];
    if (oldest) this.#drop(position + 1 - oldest.position);
  }

  /**
   * The events after a position; none if the feed does not have the next one.
   * @param limit maximum number of events.
   * @param bytes their approximate size in memory. The first is returned, however large it is.
   */
  after(position: number, limit: number, bytes = PAGE_BYTES): readonly RecordedEvent[] {
    const oldest = this.#events[this.#first];
    if (!oldest || position + 1 < oldest.position) return [];
    const from = this.#first + (position + 1 - oldest.position);
    let to = Math.min(from + limit, this.#events.length);
    const most = this.#before(from) + bytes;
    if ((this.#through[to - 1] ?? 0) > most) {
      to = Math.max(from + 1, firstAbove(this.#through, most, from, to));
    }
    return this.#events.slice(from, to);
  }

  /** Drops all events, because they may not be in the log any more. */
  clear(): void {
    this.#clear();
  }

  /** Total bytes of all events that were pushed before an index. */
  #before(index: number): number {
    return index === 0 ? this.#base : (this.#through[index - 1] ?? 0);
  }

  /** Drops the oldest events. The arrays are copied only if most of their events are dropped. */
  #drop(count: number): void {
    if (count <= 0) return;
    const first = Math.min(this.#events.length, this.#first + count);
    // Otherwise the array would keep the dropped events in memory.
    this.#events.fill(undefined as never, this.#first, first);
    this.#first = first;
    if (this.#first < 256 && this.#first < this.#events.length) return;
    if (this.#first * 2 < this.#events.length) return;
    this.#base = this.#before(this.#first);
    this.#events = this.#events.slice(this.#first);
    this.#through = this.#through.slice(this.#first);
    if (this.#events.length === 0) this.#base = 0;
    this.#first = 0;
  }

  #clear(): void {
    this.#events = [];
    this.#through = [];
    this.#base = 0;
    this.#first = 0;
  }
}

/** Index of the first of these ascending numbers that is larger than `most`, between `from` and `to`. */
function firstAbove(numbers: readonly number[], most: number, from: number, to: number): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) > most) high = middle;
    else low = middle + 1;
  }
  return low;
}
