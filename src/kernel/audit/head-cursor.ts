import type { Database } from '../../database/client.ts';
import { LogFault } from '../proof/log-fault.ts';
import { type HeadContent, readHead, readHeadLine, type SignedHead } from '../proof/signed-head.ts';
import { headsAfter, type StoredHead } from './heads/head-store.ts';

/** A head of the witness. */
export interface WitnessedHead {
  readonly signed: SignedHead;
  readonly content: HeadContent;
}

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

/**
 * The heads that a witness has after a position, in order; one that it was given twice counts once.
 * @param lines a line for each head, as `docs/audit.md` describes.
 * @throws {LogFault} if a line is no head, or the heads are not in order: then two logs have given heads to this witness.
 */
export async function* witnessedHeads(
  lines: AsyncIterable<string>,
  after: number,
): AsyncGenerator<WitnessedHead, undefined> {
  let last: WitnessedHead | undefined;
  let nth = 0;
  for await (const line of lines) {
    nth++;
    if (line === '') continue;
    const signed = readHeadLine(line);
    const content = signed && readHead(signed.text);
    if (!signed || !content)
      throw new LogFault(`line ${nth} of the witness is no head`, (last?.content.position ?? after) + 1);
    const isRepeated = signed.text === last?.signed.text;
    if (last && !isRepeated && content.position <= last.content.position) {
      throw new LogFault(
        `the witness has a head of position ${content.position} after one of position ${last.content.position}: the log was cut off there and went on`,
        content.position,
        last.content.position,
      );
    }
    last = { signed, content };
    if (!isRepeated && content.position > after) yield last;
  }
  return undefined;
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
