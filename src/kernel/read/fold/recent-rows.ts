import { LRUCache } from 'lru-cache';
import { approximateBytes } from '../../bytes.ts';
import type { Key } from '../../define/projection.ts';
import type { RowWithMeta, Writes } from './working-rows.ts';

/** Bytes that one projection keeps at most. */
const MAX_BYTES = 4 * 2 ** 20;
/** A smaller row is read again: that is quick, and so is finding out that it is small. */
const MIN_BYTES = 4000;
/** After a batch that writes more rows nothing of it is kept: it is a replay, which does not come back to them soon. */
const MAX_ROWS = 100;

/**
 * The large rows that a projection has written last, so that many small changes of one do not read all of it each time. They
 * hold as long as nobody else writes to the table: its one writer keeps them, forgets them after any error, while anything is
 * parked, and when it begins; and each batch is only written if the checkpoint is where this writer left it, in the same
 * generation.
 */
export class RecentRows {
  readonly #rows = new LRUCache<string, RowWithMeta & { readonly bytes: number }>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }) => bytes,
  });

  /** Those of the rows that are known here, and the keys of the others. */
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
