import type { RecordedEvent } from '../../define/event.ts';

type Read = (after: number, limit: number) => Promise<readonly RecordedEvent[]>;

/**
 * Reads the log a batch ahead: while one is folded and written, the next is on its way. A replay waits for the database in
 * turns with itself otherwise.
 */
export class ReadAhead {
  readonly #read: Read;
  #ahead: { readonly after: number; readonly limit: number; readonly events: ReturnType<Read> } | undefined;

  constructor(read: Read) {
    this.#read = read;
  }

  /** At most `limit` events after a position. Fails as the log does, also where that happened ahead. */
  async read(after: number, limit: number): Promise<readonly RecordedEvent[]> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    let events = ahead?.after === after && ahead.limit === limit ? await ahead.events : [];
    // At the end of the log: there may be more by now.
    if (events.length === 0) events = await this.#read(after, limit);
    const last = events.at(-1);
    if (last && events.length === limit) {
      const next = this.#read(last.position, limit);
      next.catch(() => undefined);
      this.#ahead = { after: last.position, limit, events: next };
    }
    return events;
  }
}
