import { buildIndexes } from './build-indexes.ts';
import { type EnsureTablesParts, ensureTables } from './ensure-tables.ts';

export interface ReadTablesParts extends EnsureTablesParts {
  readonly onError: (error: unknown) => void;
}

/** The tables of an engine's read models: makes those that are not there, and the indexes that the others lack. */
export class ReadTables {
  readonly #parts: ReadTablesParts;
  readonly #stopping = new AbortController();

  constructor(parts: ReadTablesParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when every read model has its table. Indexes that tables with rows lack are made afterwards, while the read
   * models are used.
   * @throws {ReadTableError} READ_TABLE_UNSUPPORTED, READ_TABLE_MISSING, READ_TABLE_CHANGED
   */
  async ensure(): Promise<void> {
    const { db, onError } = this.#parts;
    const { missing } = await ensureTables(this.#parts);
    buildIndexes({ db, wanted: missing, signal: this.#stopping.signal }).catch((error) => {
      if (!this.#stopping.signal.aborted) onError(error);
    });
  }

  /** Begins no further index. */
  stop(): void {
    this.#stopping.abort();
  }
}
