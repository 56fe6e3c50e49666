import type { Projection } from '../../kernel/define/projection.ts';
import type { Hub } from '../../kernel/notify/hub.ts';
import type { Row } from '../../kernel/read/fold.ts';
import type { ReadModels } from '../read/read-models.ts';

export type RowListener = (row: Row | null) => void;

interface Watch {
  readonly projection: Projection;
  readonly key: string;
  readonly listeners: Set<RowListener>;
  /** A read is under way. */
  reading: boolean;
  /** The row has changed since that read began. */
  dirty: boolean;
}

/**
 * Rows that somebody looks at live. A row that changes is read once, however many look at it, and rows that change together
 * are read with one statement.
 */
export class LiveRows {
  readonly #readModels: ReadModels;
  readonly #hub: Hub;
  readonly #onError: (error: unknown) => void;
  readonly #watches = new Map<string, Map<string, Watch>>();

  constructor(readModels: ReadModels, hub: Hub, onError: (error: unknown) => void) {
    this.#readModels = readModels;
    this.#hub = hub;
    this.#onError = onError;
  }

  /** Rows that are being looked at. */
  get size(): number {
    let size = 0;
    for (const watches of this.#watches.values()) size += watches.size;
    return size;
  }

  /** Calls back with the row after each change that comes, null where it is gone, until the returned function is called. */
  watch(projection: Projection, key: string, listener: RowListener): () => void {
    const watches = this.#watchesOf(projection);
    let watch = watches.get(key);
    if (!watch) {
      watch = { projection, key, listeners: new Set(), reading: false, dirty: false };
      watches.set(key, watch);
    }
    const { listeners } = watch;
    const own: RowListener = (row) => listener(row);
    listeners.add(own);
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && watches.get(key)?.listeners === listeners) watches.delete(key);
    };
  }

  #watchesOf(projection: Projection): Map<string, Watch> {
    const known = this.#watches.get(projection.name);
    if (known) return known;
    const watches = new Map<string, Watch>();
    this.#watches.set(projection.name, watches);
    this.#hub.listen([projection.name], ({ keys }) => {
      if (keys !== null && keys.size < watches.size) {
        for (const key of keys) this.#changed(watches.get(key));
      } else {
        for (const [key, watch] of watches) if (keys === null || keys.has(key)) this.#changed(watch);
      }
    });
    return watches;
  }

  #changed(watch: Watch | undefined): void {
    if (!watch) return;
    watch.dirty = true;
    if (!watch.reading) this.#read(watch).catch(this.#onError);
  }

  async #read(watch: Watch): Promise<void> {
    watch.reading = true;
    try {
      while (watch.dirty && watch.listeners.size > 0) {
        watch.dirty = false;
        const row = await this.#readModels.row(watch.projection, watch.key);
        for (const listener of watch.listeners) listener(row);
      }
    } finally {
      watch.reading = false;
    }
  }
}
