import type { Database } from '../../database/client.ts';
import { headsAfter, type StoredHead } from './heads/head-store.ts';

const PAGE = 1000;

/** The heads of `es.heads` after a position, in order. */
export async function* storedHeads(db: Database, after: number): AsyncGenerator<StoredHead, undefined> {
  for (let last = after; ; ) {
    const heads = await headsAfter(db, last, PAGE);
    yield* heads;
    const end = heads.at(-1);
    if (!end || heads.length < PAGE) return undefined;
    last = end.position;
  }
}

/** Shows the next value of an iterator without taking it. */
export class HeadCursor<T> {
  readonly #values: AsyncIterator<T, undefined> | undefined;
  #current: T | undefined;

  private constructor(values: AsyncIterator<T, undefined> | undefined) {
    this.#values = values;
  }

  /** @param values none if undefined. */
  static async of<T>(values: AsyncIterable<T, undefined> | undefined): Promise<HeadCursor<T>> {
    const cursor = new HeadCursor<T>(values?.[Symbol.asyncIterator]());
    await cursor.next();
    return cursor;
  }

  /** The next value; undefined at the end. */
  get current(): T | undefined {
    return this.#current;
  }

  async next(): Promise<void> {
    this.#current = (await this.#values?.next())?.value;
  }
}
