import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import type { Aggregate } from '../define/aggregate.ts';

interface Due {
  readonly t: string;
  readonly i: string;
  readonly v: number;
  readonly w: number;
  readonly s: unknown;
}

/** Streams whose snapshots may wait to be written; a snapshot more is not taken, the next one will be. */
const MAX_WAITING = 1000;

/**
 * Takes snapshots off the write path: the newest state of each stream that is due, many streams in one statement. A
 * snapshot is a saving of work, nothing more: one that cannot be written is let go.
 */
export class Snapshots {
  readonly #save: (parameters: Record<string, unknown>) => Promise<unknown>;
  readonly #onError: (error: unknown) => void;
  readonly #due = new Map<string, Due>();
  #running: Promise<void> | undefined;

  constructor(db: Database, onError: (error: unknown) => void) {
    this.#onError = onError;
    this.#save = prepared(db, 'es_snapshot', sql`select es.save_snapshots(${sql.placeholder('snapshots')}::jsonb)`);
  }

  /** Takes one where an append has passed a multiple of the aggregate's `snapshot.every`. */
  consider(aggregate: Aggregate, streamId: string, before: number, version: number, state: unknown): void {
    const { every } = aggregate.snapshot;
    if (every <= 0 || Math.floor(before / every) === Math.floor(version / every)) return;
    this.#take(aggregate, streamId, version, state);
  }

  /**
   * Takes one where as many events had to be read as there are between two: the one that should have spared this is missing.
   * The stream was imported, the state has a new shape, or a snapshot was let go; else each command that finds the stream out
   * of memory would read all of it again until the next multiple is passed.
   */
  considerLoaded(aggregate: Aggregate, streamId: string, read: number, version: number, state: unknown): void {
    const { every } = aggregate.snapshot;
    if (every > 0 && read >= every) this.#take(aggregate, streamId, version, state);
  }

  #take(aggregate: Aggregate, streamId: string, version: number, state: unknown): void {
    const key = `${aggregate.name}/${streamId}`;
    if (this.#due.size >= MAX_WAITING && !this.#due.has(key)) return;
    this.#due.set(key, { t: aggregate.name, i: streamId, v: version, w: aggregate.snapshot.stateVersion, s: state });
    this.#running ??= this.#write();
  }

  /** Resolves when all that are due are written. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #write(): Promise<void> {
    // What becomes due in this turn of the event loop goes together.
    await Promise.resolve();
    while (this.#due.size > 0) {
      const snapshots = [...this.#due.values()];
      this.#due.clear();
      try {
        await this.#save({ snapshots: JSON.stringify(snapshots) });
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#running = undefined;
  }
}
