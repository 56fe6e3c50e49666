import { isDeepStrictEqual } from 'node:util';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { Courier } from '../../../kernel/notify/courier.ts';
import type { Hub } from '../../../kernel/notify/hub.ts';
import type { EngineObserver } from '../../../kernel/observe/occurrences.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import type { ReadModels } from '../../read/read-models.ts';

/** Subscribers wait for a changed row, so the read is repeated at least every two seconds. */
const READ_AGAIN: Backoff = { firstMs: 50, maxMs: 2000 };

/** A row as it was read after a change; null if it was deleted. Everybody who watches it gets the same object. */
export interface ReadRow {
  readonly row: RowValues | null;
  /** The row is as fresh as this. */
  readonly position: number;
}

/** Must not throw. May be called after it was unsubscribed. */
export type RowListener = (read: ReadRow) => void;

export interface LiveRowsOptions {
  readonly readModels: ReadModels;
  readonly hub: Hub;
  readonly courier: Courier;
  readonly observer: Pick<EngineObserver, 'tell'>;
}

interface WatchedRow {
  readonly projection: Projection;
  readonly key: string;
  readonly listeners: Set<RowListener>;
  /** Position of the read model at the row's last change. */
  position: number;
  /** A read is running. */
  reading: boolean;
  /** The row has changed since that read began. */
  dirty: boolean;
  /** The row as last read; undefined before the first read. */
  row: RowValues | null | undefined;
}

/** The watched rows of one projection. */
interface WatchedTable {
  readonly rows: Map<string, WatchedRow>;
  readonly stopListening: () => void;
}

/**
 * Rows that somebody watches. A changed row is read once, however many watch it, and rows that change together are read
 * with one statement.
 */
export class LiveRows {
  readonly #readModels: ReadModels;
  readonly #hub: Hub;
  readonly #courier: Courier;
  readonly #observer: Pick<EngineObserver, 'tell'>;
  readonly #watched = new Map<string, WatchedTable>();

  constructor({ readModels, hub, courier, observer }: LiveRowsOptions) {
    this.#readModels = readModels;
    this.#hub = hub;
    this.#courier = courier;
    this.#observer = observer;
  }

  /** Number of watched rows. */
  get size(): number {
    let size = 0;
    for (const { rows } of this.#watched.values()) size += rows.size;
    return size;
  }

  /**
   * Calls back with the row after each further change, until the returned function is called.
   */
  watch(projection: Projection, key: string, listener: RowListener): () => void {
    const { name } = projection;
    const watched = this.#watched.get(name) ?? this.#listen(name);
    const watch = watched.rows.get(key) ?? {
      projection,
      key,
      listeners: new Set(),
      position: 0,
      reading: false,
      dirty: false,
      row: undefined,
    };
    watched.rows.set(key, watch);
    const own: RowListener = (read) => listener(read);
    watch.listeners.add(own);
    return () => {
      if (!watch.listeners.delete(own) || watch.listeners.size > 0) return;
      watched.rows.delete(key);
      if (watched.rows.size > 0) return;
      this.#watched.delete(name);
      watched.stopListening();
    };
  }

  #listen(projection: string): WatchedTable {
    const rows = new Map<string, WatchedRow>();
    const stopListening = this.#hub.listen([projection], ({ keys, position }) => {
      if (keys !== null && keys.size < rows.size) {
        for (const key of keys) this.#changed(rows.get(key), position);
      } else {
        for (const [key, watch] of rows) if (keys === null || keys.has(key)) this.#changed(watch, position);
      }
    });
    const watched = { rows, stopListening };
    this.#watched.set(projection, watched);
    return watched;
  }

  #changed(watch: WatchedRow | undefined, position: number): void {
    if (!watch) return;
    watch.position = position;
    watch.dirty = true;
    if (!watch.reading) void this.#read(watch);
  }

  /** Reads until nothing has changed since. A failed read is retried: nobody else would announce that change. */
  async #read(watch: WatchedRow): Promise<void> {
    watch.reading = true;
    let failures = 0;
    while (watch.dirty && watch.listeners.size > 0) {
      watch.dirty = false;
      const { position } = watch;
      try {
        const row = await this.#readModels.row(watch.projection, watch.key);
        failures = 0;
        // Keeps the same object if nothing has changed, so that listeners can compare by identity.
        if (!isDeepStrictEqual(row, watch.row)) watch.row = row;
        const read: ReadRow = { row: watch.row as RowValues | null, position };
        await this.#courier.each(watch.listeners, (listener) => listener(read));
      } catch (error) {
        const context = { projection: watch.projection.name, key: watch.key, position };
        this.#observer.tell('updateDelayed', { error, context });
        watch.dirty = true;
        await pause(backoffMs(++failures, READ_AGAIN), undefined, { keepsProcess: false });
      }
    }
    watch.reading = false;
  }
}
