import type { RecordedEvent } from '../../define/event.ts';

/** Reads single events of the log again. Those that are needed at the same moment are read together. */
export class RereadEvents {
  readonly #read: (positions: readonly number[]) => Promise<readonly RecordedEvent[]>;
  #next: Map<number, PromiseWithResolvers<RecordedEvent>> | undefined;

  constructor(read: (positions: readonly number[]) => Promise<readonly RecordedEvent[]>) {
    this.#read = read;
  }

  at(position: number): Promise<RecordedEvent> {
    if (!this.#next) {
      const asked = new Map<number, PromiseWithResolvers<RecordedEvent>>();
      this.#next = asked;
      queueMicrotask(() => {
        this.#next = undefined;
        void this.#readAll(asked);
      });
    }
    const known = this.#next.get(position) ?? Promise.withResolvers<RecordedEvent>();
    this.#next.set(position, known);
    return known.promise;
  }

  async #readAll(asked: ReadonlyMap<number, PromiseWithResolvers<RecordedEvent>>): Promise<void> {
    try {
      const events = await this.#read([...asked.keys()]);
      const found = new Map(events.map((event) => [event.position, event]));
      for (const [position, { resolve, reject }] of asked) {
        const event = found.get(position);
        if (event) resolve(event);
        else reject(new Error(`There is no event at position ${position}.`));
      }
    } catch (error) {
      for (const { reject } of asked.values()) reject(error);
    }
  }
}
