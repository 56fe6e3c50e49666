import type { RecordedEvent } from '../define/event.ts';

/**
 * The newest events, as this instance committed them: what a projection that keeps up needs, without reading it from the
 * database. Holds one stretch of the log without holes; after a hole (somebody else appended) it begins anew.
 */
export class CommitFeed {
  readonly #limit: number;
  #events: RecordedEvent[] = [];
  /** Index of the first that is still held: dropping from the front of a long array one by one would be slow. */
  #first = 0;

  /** @param limit events held at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a committed batch, in the order of positions. What it has already is passed over. */
  push(events: readonly RecordedEvent[]): void {
    let last = this.#events.at(-1)?.position;
    for (const event of events) {
      if (last !== undefined && event.position <= last) continue;
      if (last !== undefined && event.position !== last + 1) this.#clear();
      this.#events.push(event);
      last = event.position;
    }
    this.#drop(this.#events.length - this.#first - this.#limit);
  }

  /** Everybody has passed this position: what is up to there is not held any longer. */
  forget(position: number): void {
    const oldest = this.#events[this.#first];
    if (oldest) this.#drop(position + 1 - oldest.position);
  }

  /** At most `limit` events that follow on from a position; none where this feed does not have the next one. */
  after(position: number, limit: number): readonly RecordedEvent[] {
    const oldest = this.#events[this.#first];
    if (!oldest || position + 1 < oldest.position) return [];
    const from = this.#first + (position + 1 - oldest.position);
    return this.#events.slice(from, from + limit);
  }

  /** Lets the oldest go. The array is made anew only now and then, when most of it is gone. */
  #drop(count: number): void {
    if (count <= 0) return;
    this.#first = Math.min(this.#events.length, this.#first + count);
    if (this.#first < 256 && this.#first < this.#events.length) return;
    if (this.#first * 2 < this.#events.length) return;
    this.#events = this.#events.slice(this.#first);
    this.#first = 0;
  }

  #clear(): void {
    this.#events = [];
    this.#first = 0;
  }
}
