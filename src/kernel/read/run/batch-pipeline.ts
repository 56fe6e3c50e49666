import { Prefetch } from '../../../scheduling/prefetch.ts';
import { PageReader } from '../../checkpoints/page-reader.ts';
import type { RecordedEvent, UnreadableEventError } from '../../define/event.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { beforeNewer } from '../../log/newer-events.ts';
import type { BatchParking } from '../dead-letters/batch-parking.ts';
import type { PoisonFinder } from '../dead-letters/poison-finder.ts';
import { planBatch } from '../fold/fold-batch.ts';
import type { FoldWindow } from '../fold/fold-window.ts';
import { type EventBatch, type PlannedBatch, prefetchBatch, prefetchForWindow } from '../fold/prefetched-batch.ts';
import type { ProjectionTable } from '../fold/projection-table.ts';
import { RecentRows } from '../fold/recent-rows.ts';
import type { Writes } from '../fold/working-rows.ts';
import { LoopTurns } from './loop-turns.ts';

/** A replay is at least this many batches away from the end of the log. */
const REPLAY_BATCHES = 8;

/**
 * Turns of all replays, because there is one event loop. Replays that find their pages in memory would go on from batch to batch without
 * leaving it. A transaction that writes the window of another one would not get the answers of its statements meanwhile, and
 * Postgres ends a transaction that idles.
 */
const folds = new LoopTurns();

export interface BatchPipelineParts {
  readonly projection: Projection;
  readonly table: ProjectionTable;
  readonly log: Pick<LogReader, 'read'>;
  readonly feed: CommitFeed;
  readonly head: LogHead;
  /** Maximum number of events that are folded together. */
  readonly batchLimit: number;
}

/** A batch whose events have been read, while its rows are being read. */
interface AheadBatch {
  readonly first: RecordedEvent | undefined;
  /** Undefined if its rows cannot be read now. */
  readonly batch: Promise<EventBatch | undefined>;
}

/**
 * The stages of a projection's batches: events are read, planned together with the rows that they need, and written. In
 * a replay, each stage works one batch ahead of the next: while a batch is written, the rows of the next one and the
 * events of the one after that are read.
 */
export class BatchPipeline {
  readonly #parts: BatchPipelineParts;
  readonly #poison: PoisonFinder;
  readonly #reader: PageReader<EventBatch>;
  readonly #recent = new RecentRows();
  /** The position of an event that only newer code can apply, as its handler has shown. */
  #newer: number | undefined;
  /** The batch after the one that is written. */
  readonly #ahead = new Prefetch<AheadBatch>();

  /** @param poison told of events that cannot be read. Batches end before suspected events. */
  constructor(parts: BatchPipelineParts, poison: PoisonFinder) {
    this.#parts = parts;
    this.#poison = poison;
    const { feed, log, projection } = parts;
    this.#reader = new PageReader({
      feed,
      fed: (events) => ({ events }),
      load: async (after, limit) => {
        let newer: UnreadableEventError | undefined;
        const events = await log.read(after, limit, {
          consumer: projection.checkpoint.key,
          wanted: (type) => projection.handlers.has(type),
          onUnreadable: (error) => {
            if (!error.isNewer) poison.addUnreadable(error);
            else newer ??= error;
          },
        });
        // Newer code can apply it, so it is no poison.
        return { events: beforeNewer(events, newer) };
      },
    });
  }

  /**
   * Reads the batch after a position. It has no events at the end of the log.
   * @param onFirst called with its first event if that is known before the whole batch is.
   */
  async read(position: number, onFirst: (first: RecordedEvent | undefined) => void): Promise<EventBatch> {
    const ahead = await this.#ahead.take(String(position));
    if (ahead) {
      // Its rows may be locked, so this may take long.
      onFirst(ahead.first);
      const batch = await ahead.batch;
      if (batch) return batch;
    }
    return this.#reader.read(position, this.#limitAfter(position));
  }

  /**
   * True if enough events follow a position for a replay, in which batches are folded while those before are written.
   * @param written everything up to this position is written.
   */
  isReplay(position: number, written: number): boolean {
    const { head, batchLimit } = this.#parts;
    if (head.position - position < REPLAY_BATCHES * batchLimit) return false;
    return !this.isCareful(written);
  }

  /** True if a batch has to end somewhere after a position, before an event that is poisonous or of newer code. */
  isCareful(after: number): boolean {
    return this.#poison.isCarefulAfter(after) || (this.#newer ?? 0) > after;
  }

  /** An event turned out to be one that only newer code can apply: a batch ends before it. */
  endBefore(position: number): void {
    this.#newer = position;
  }

  #limitAfter(position: number): number {
    const limit = this.#poison.limitAfter(position, this.#parts.batchLimit);
    const before = (this.#newer ?? 0) - 1 - position;
    return before > 0 ? Math.min(limit, before) : limit;
  }

  /** The changes of a batch, and the rows that it needs. */
  async plan({ events, planned }: EventBatch, parking: BatchParking | undefined): Promise<PlannedBatch> {
    if (!parking && planned) return planned;
    const { projection, table } = this.#parts;
    const plan = planBatch(projection, events, parking);
    if (plan.steps.length === 0) return { plan, present: [] };
    // Only the table knows which rows have a value. Also, another process may be applying parked events.
    if (parking || plan.where.size > 0) return { plan, present: await table.read(plan) };
    const { known, others } = this.#recent.take(plan.keys);
    return { plan, present: [...known, ...(await table.read({ keys: others, where: plan.where }))] };
  }

  /**
   * Prefetches the next batch, because this one is about to be written. Only full batches are prefetched: at the end of
   * the log, more events may come before it is the next batch's turn.
   * @param to the last position of this batch.
   */
  writing(to: number, writes: Writes): void {
    const { projection, table, head, batchLimit } = this.#parts;
    if (head.position - to < batchLimit || this.#limitAfter(to) < batchLimit) return;
    this.#ahead.begin(String(to), async () => {
      const { events } = await this.#reader.read(to, batchLimit);
      // The failure occurs again when it is this batch's turn.
      const batch = prefetchBatch(projection, table, events, writes).catch(() => undefined);
      return { first: events[0], batch };
    });
  }

  /**
   * Folds a batch of a replay into a window, and prefetches the next one.
   * @returns false if only the table knows which rows the batch needs. Then it has to be planned and written by itself.
   * @throws {FoldError} if a handler throws.
   */
  async fold({ events, windowed }: EventBatch, window: FoldWindow): Promise<boolean> {
    const { projection, table, batchLimit } = this.#parts;
    await folds.take();
    const plan = windowed?.plan ?? planBatch(projection, events, undefined, window.isWhole);
    if (plan.where.size > 0) return false;
    const to = events.at(-1)?.position ?? 0;
    this.#ahead.begin(String(to), async () => {
      const { events: next } = await this.#reader.read(to, batchLimit);
      // A plan that is made when it is needed dies young, which costs the garbage collector less.
      if (window.isWhole) return { first: next[0], batch: Promise.resolve({ events: next }) };
      const batch = prefetchForWindow(projection, table, next, { window, before: plan }).catch(() => undefined);
      return { first: next[0], batch };
    });
    const ready = windowed?.lifetime === window.lifetime ? windowed : undefined;
    const missing = window.missing(plan.keys);
    for (const text of ready?.read.keys() ?? []) missing.delete(text);
    const read = missing.size > 0 ? await table.read({ keys: missing, where: plan.where }) : [];
    // The rows of several replays may have come at the same time.
    if (missing.size > 0) await folds.take();
    window.fold(plan, ready ? [...ready.present, ...read] : read);
    return true;
  }

  /**
   * A batch or a window was written.
   * @param writes undefined if unknown rows, or too many to remember, may have been written.
   */
  written(writes: Writes | undefined): void {
    if (writes) this.#recent.written(writes);
    else this.#recent.clear();
  }

  /** Drops everything that was prefetched or remembered. */
  forget(): void {
    this.#ahead.forget();
    this.#reader.forget();
    this.#recent.clear();
  }
}
