import { eventBytes, PAGE_BYTES } from '../bytes.ts';
import type { RecordedEvent } from '../define/event.ts';

/** Events that an instance holds for those who follow the log. */
export const FEED_LIMIT = 20_000;
/** Bytes of these in memory unless given, about. */
const FEED_BYTES = 32 * 2 ** 20;

/**
 * The newest events that this instance has committed. A consumer that keeps up with the log need not read them from the database. It
 * holds one stretch of the log without holes; after a hole (another instance appended) it begins anew.
 */
export class CommitFeed {
  readonly #limit: number;
  readonly #byteLimit: number;
  #events: RecordedEvent[] = [];
  /** Of each event the bytes of all that were pushed up to and with it, since the feed was cleared. */
  #through: number[] = [];
  /** Bytes of what is no longer in the arrays. */
  #base = 0;
  readonly #readers: (() => number)[] = [];
  /** Index of the first that is still held: dropping from the front of a long array one by one would be slow. */
  #first = 0;

  /**
   * @param limit events held at most.
   * @param byteLimit bytes of these in memory, about; 32 MB unless given. One event is held however large it is.
   */
  constructor(limit: number, byteLimit = FEED_BYTES) {
    this.#limit = limit;
    this.#byteLimit = byteLimit;
  }

  /** Bytes of what it holds, about. */
  get bytes(): number {
    return (this.#through.at(-1) ?? 0) - this.#before(this.#first);
  }

  /**
   * Lets a consumer of the log take part: what all consumers have read is not held any longer.
   * @param position how far it has read; Infinity if it reads nothing at the moment.
   */
  addReader(position: () => number): void {
    this.#readers.push(position);
  }

  /** Takes a committed batch, in the order of positions. What it has already is passed over. */
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
   * Events that follow on from a position; none if this feed does not have the next one.
   * @param limit the most of them.
   * @param bytes of these in memory, about; the first is given however large it is.
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

  /** Forgets all that it holds: it may not be in the log any more. */
  clear(): void {
    this.#clear();
  }

  /** Bytes of all that was pushed before an index. */
  #before(index: number): number {
    return index === 0 ? this.#base : (this.#through[index - 1] ?? 0);
  }

  /** Lets the oldest go. The arrays are made anew only now and then, when most of them is gone. */
  #drop(count: number): void {
    if (count <= 0) return;
    const first = Math.min(this.#events.length, this.#first + count);
    // What is dropped and still in the array would be held as long as the array is.
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

/** Index of the first of these growing numbers that is above another one, from `from` to `to`. */
function firstAbove(numbers: readonly number[], most: number, from: number, to: number): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) > most) high = middle;
    else low = middle + 1;
  }
  return low;
}
