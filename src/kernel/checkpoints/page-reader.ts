import { Prefetch } from '../../scheduling/prefetch.ts';
import type { RecordedEvent } from '../define/event.ts';
import type { CommitFeed } from '../log/commit-feed.ts';
import type { LogPage } from './log-consumer.ts';

export interface PageReaderParts<Page extends LogPage> {
  readonly feed: CommitFeed;
  /** Makes a page from events that this instance has in memory. */
  readonly fed: (events: readonly RecordedEvent[]) => Page;
  /** Reads a page from the database. */
  readonly load: (after: number, limit: number) => Promise<Page>;
}

/**
 * Reads the log for one consumer: from the commit feed if that has the events, else from the database. From the
 * database it reads one page ahead, so that the next page is loaded while one is handled. Otherwise a replay would
 * alternate between waiting for the database and handling.
 */
export class PageReader<Page extends LogPage> {
  readonly #parts: PageReaderParts<Page>;
  readonly #ahead = new Prefetch<Page>();

  constructor(parts: PageReaderParts<Page>) {
    this.#parts = parts;
  }

  /** At most `limit` events after a position. */
  async read(after: number, limit: number): Promise<Page> {
    const { feed, fed, load } = this.#parts;
    const committed = feed.after(after, limit);
    if (committed.length > 0) return fed(committed);
    let page = await this.#ahead.take(`${after} ${limit}`);
    // The page that was read ahead ended at the end of the log. There may be more events now.
    if (!page || page.events.length === 0) page = await load(after, limit);
    const last = page.events.at(-1);
    if (last && page.events.length === limit) {
      this.#ahead.begin(`${last.position} ${limit}`, () => load(last.position, limit));
    }
    return page;
  }

  /** Drops the page that was read ahead. */
  forget(): void {
    this.#ahead.forget();
  }
}
