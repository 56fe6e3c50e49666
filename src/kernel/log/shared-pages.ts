import { LRUCache } from 'lru-cache';
import type { LogPages, RowPage } from './log-pages.ts';

/** Maximum number of pages that are kept. */
const MAX_PAGES = 6;
/** Consumers that have read something within this time are near each other, in ms. */
const NEAR_MS = 500;

/**
 * Pages of the log for several consumers that are near each other, as in a replay of several read models: each page is read and
 * decoded once. Pages that reach the end of the log are not shared: there may be more events by now.
 */
export class SharedPages {
  readonly #pages: Pick<LogPages, 'after'>;
  readonly #consumers = new LRUCache<string, true>({ max: 100, ttl: NEAR_MS });
  readonly #kept = new LRUCache<string, Promise<RowPage>>({
    max: MAX_PAGES,
    ttl: NEAR_MS,
    ttlAutopurge: true,
    updateAgeOnGet: true,
  });

  constructor(pages: Pick<LogPages, 'after'>) {
    this.#pages = pages;
  }

  /**
   * At most `limit` events after a position, in order: fewer if they are large, none at the end of the log.
   * @param consumer who reads them.
   */
  async after(position: number, limit: number, consumer: string): Promise<RowPage> {
    this.#consumers.set(consumer, true);
    const key = `${position} ${limit}`;
    const kept = this.#kept.get(key);
    if (kept) {
      const page = await kept.catch(() => undefined);
      if (page?.isFull) return page;
    }
    // Nothing is awaited between looking for the page and keeping it: consumers come in the same turn.
    const reading = this.#pages.after(position, limit);
    this.#kept.set(key, reading);
    let isKept = false;
    try {
      const page = await reading;
      isKept = page.isFull && this.#hasSeveralConsumers();
      return page;
    } finally {
      if (!isKept && this.#kept.peek(key) === reading) this.#kept.delete(key);
    }
  }

  /** Drops all pages: the log may have another history now. */
  forget(): void {
    this.#kept.clear();
  }

  #hasSeveralConsumers(): boolean {
    this.#consumers.purgeStale();
    return this.#consumers.size > 1;
  }
}
