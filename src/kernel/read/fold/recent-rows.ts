import { LRUCache } from 'lru-cache';
import { approximateBytes } from '../../bytes.ts';
import type { Key } from '../../define/read-model/projection.ts';
import type { RowWithMeta, Writes } from './working-rows.ts';

/** Maximum number of bytes that one projection keeps. */
const MAX_BYTES = 4 * 2 ** 20;
/** Smaller rows are not kept, because reading them again is fast. */
const MIN_BYTES = 4000;
/** If a batch writes more rows than this, none is kept: it is a replay, which does not return to them soon. */
const MAX_ROWS = 100;

/**
 * The large rows that a projection has written last, so that many small changes of one row do not read all of it each
 * time. They are valid as long as no other writer changes the table. The table's only writer keeps them. It drops them
 * when it starts, after any error, and while anything is parked. Each batch is written only if the checkpoint is where
 * this writer left it, in the same generation.
 */
export class RecentRows {
  readonly #rows = new LRUCache<string, RowWithMeta & { readonly bytes: number }>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }) => bytes,
  });

  /** The rows that are kept here, and the keys of the others. */
  take(keys: ReadonlyMap<string, Key>): {
    readonly known: readonly RowWithMeta[];
    readonly others: ReadonlyMap<string, Key>;
  } {
    if (this.#rows.size === 0) return { known: [], others: keys };
    const known: RowWithMeta[] = [];
    const others = new Map<string, Key>();
    for (const [text, key] of keys) {
      const row = this.#rows.get(text);
      if (row) known.push(row);
      else others.set(text, key);
    }
    return { known, others };
  }

  /** A batch has been written. */
  written({ keys, upserts }: Pick<Writes, 'keys' | 'upserts'>): void {
    if (this.#rows.size > 0) for (const text of keys) this.#rows.delete(text);
    if (upserts.size > MAX_ROWS) return;
    for (const [text, stored] of upserts) {
      const bytes = approximateBytes(stored.row);
      if (bytes >= MIN_BYTES) this.#rows.set(text, { ...stored, bytes });
    }
  }

  clear(): void {
    this.#rows.clear();
  }
}
