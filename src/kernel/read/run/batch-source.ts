import type { RecordedEvent } from '../../define/event.ts';
import type { Projection } from '../../define/projection.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { LogReader } from '../../log/log-reader.ts';
import type { Culprits } from '../dead-letters/poison-finder.ts';
import { type Batch, readyBatch } from '../fold/prefetched-batch.ts';
import type { ProjectionTable } from '../fold/projection-table.ts';
import type { Writes } from '../fold/working-rows.ts';
import { ReadAhead } from './read-ahead.ts';

export interface BatchSourceParts {
  readonly projection: Projection;
  readonly table: ProjectionTable;
  readonly log: Pick<LogReader, 'read'>;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  /** Events folded together at most. */
  readonly batchLimit: number;
}

/** Batches of one projection: from memory if the events are there, else from the log. In a replay it works a batch ahead. */
export class BatchSource {
  readonly #parts: BatchSourceParts;
  readonly #culprits: Culprits;
  readonly #log: ReadAhead;
  /** The batch after the one that is being written; undefined if it could not be prepared. */
  #ahead: { readonly after: number; first: RecordedEvent | undefined; batch: Promise<Batch | undefined> } | undefined;

  /** @param culprits told of events that cannot be read. Batches stop short of events that are suspected. */
  constructor(parts: BatchSourceParts, culprits: Culprits) {
    this.#parts = parts;
    this.#culprits = culprits;
    this.#log = new ReadAhead((after, limit) =>
      parts.log.read(after, limit, {
        wanted: (type) => parts.projection.handlers.has(type),
        onUnreadable: (error) => culprits.addUnreadable(error),
      }),
    );
  }

  /**
   * The batch after a position; without events at the end of the log.
   * @param onWait called before the database is waited for, with the first event if that is known.
   */
  async next(position: number, onWait: (first: RecordedEvent | undefined) => void): Promise<Batch> {
    const { head, batchLimit } = this.#parts;
    if (position >= head.position) return { events: [] };
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead?.after === position) {
      // Its rows may be locked, so this can take long.
      onWait(ahead.first);
      const batch = await ahead.batch;
      if (batch) return batch;
    }
    return { events: await this.#read(position, this.#culprits.limitAfter(position, batchLimit), onWait) };
  }

  /**
   * Prepares the batch after a position while the one before it is written. Only full batches are prepared: at the end of the
   * log more events may come before it is the next batch's turn.
   * @param before what is being written.
   */
  prepare(after: number, before: Writes): void {
    const { projection, table, head, batchLimit } = this.#parts;
    if (head.position - after < batchLimit || this.#culprits.limitAfter(after, batchLimit) < batchLimit) return;
    const ahead = { after, first: undefined as RecordedEvent | undefined };
    const make = async () => {
      const events = await this.#read(after, batchLimit);
      ahead.first = events[0];
      return readyBatch(projection, table, events, before);
    };
    // A failure is met again when it is this batch's turn.
    this.#ahead = Object.assign(ahead, { batch: make().catch(() => undefined) });
  }

  /** Forgets the batch that was prepared. */
  forget(): void {
    this.#ahead = undefined;
  }

  #read(
    after: number,
    limit: number,
    onWait?: (first: undefined) => void,
  ): Promise<readonly RecordedEvent[]> | readonly RecordedEvent[] {
    const fed = this.#parts.feed.after(after, limit);
    if (fed.length > 0) return fed;
    onWait?.(undefined);
    return this.#log.read(after, limit);
  }
}
