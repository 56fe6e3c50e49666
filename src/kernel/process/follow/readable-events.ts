import type { LogPage } from '../../checkpoints/log-consumer.ts';
import { type RecordedEvent, UnreadableEventError } from '../../define/event.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { beforeNewer, newerEventOf } from '../../log/newer-events.ts';
import type { Work } from './work.ts';

/** Events as they were read. */
export interface ReadablePage extends LogPage {
  /** By position, why this code cannot read an event that may have to be handled. */
  readonly unreadable: ReadonlyMap<number, Error>;
}

export interface ReadableEventsParts {
  readonly work: Work;
  readonly log: Pick<LogReader, 'read' | 'readAt'>;
  /** True if this code defines events of this type. */
  readonly knows: (type: string) => boolean;
}

/** Reads events from the database with the reasons why this code cannot read some of them. */
export class ReadableEvents {
  readonly #parts: ReadableEventsParts;

  constructor(parts: ReadableEventsParts) {
    this.#parts = parts;
  }

  /**
   * The events after a position, up to the first one that only newer code can read.
   * @throws {AheadOfCodeError} if that is the next event.
   */
  async after(position: number, limit: number): Promise<ReadablePage> {
    const { events, unreadable } = await this.#page((options) => this.#parts.log.read(position, limit, options));
    const newer = events.map((event) => newerEventOf(unreadable.get(event.position))).find((error) => error);
    return { events: beforeNewer(events, newer), unreadable };
  }

  /** The events at these positions, also those that only newer code can read. */
  at(positions: readonly number[]): Promise<ReadablePage> {
    return this.#page((options) => this.#parts.log.readAt(positions, options));
  }

  async #page(
    read: (options: NonNullable<Parameters<LogReader['read']>[2]>) => Promise<RecordedEvent[]>,
  ): Promise<ReadablePage> {
    const { work, knows } = this.#parts;
    const unreadable = new Map<number, Error>();
    const events = await read({
      wanted: (type) => work.wanted(type),
      onUnreadable: (error) => error.position !== undefined && unreadable.set(error.position, error),
    });
    for (const { type, streamType, position } of events) {
      if (knows(type) || !work.follows(streamType)) continue;
      const error = new UnreadableEventError(type, 0, 'no domain defines this event', { position, isNewer: true });
      unreadable.set(position, error);
    }
    return { events, unreadable };
  }
}
