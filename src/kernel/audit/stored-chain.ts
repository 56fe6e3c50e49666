import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { type Certificate, type Encrypted, mayCertify, readCertificate } from '../proof/encryption-certificate.ts';
import { HASH_BYTES, leafHash } from '../proof/hashes.ts';
import { FORMER_PAGE, readOrigin } from './chain-origin.ts';
import { type ContentPage, contentStatement, NO_HASH, type PositionRange, type ReadContents } from './content-page.ts';

/** What ties an event to its place in the chain, as the database has it. */
export interface ChainLink {
  readonly position: number;
  /** The leaf of the content that it was recorded with: of that content, unless it was encrypted since. Zeros if its size is wrong. */
  readonly leaf: Buffer;
  /** The hash that is stored with it; zeros if there is none, or it has a wrong size. */
  readonly hash: Buffer;
  readonly encrypted: Encrypted | undefined;
  readonly certificate: Certificate | undefined;
}

/** An event with its place in the chain. */
export interface LinkedEvent extends ChainLink {
  /** The content as UTF-8. It is part of the memory of its page. */
  readonly content: Buffer;
}

/** Connections with which a long log is read quickest: Postgres makes a page on each while one is used. */
export const READING_CONNECTIONS = 2;
/** Positions that are read together. */
const PAGE = 2000;
/** Pages that are asked for while one is used, so that neither side waits for the other. */
const AHEAD = READING_CONNECTIONS;
/** Most bytes (approximate) of the contents of a page. */
const PAGE_BYTES = 4 * 2 ** 20;
const LINE_FEED = 10;

/** A page with the hashes that are not in `es.events`. */
interface ReadPage {
  readonly page: ContentPage;
  readonly formerHash: (position: number) => Buffer | undefined;
}

/** Reads the events of a log with their contents and hashes, as they are stored. Its role may read `es.events`. */
export class StoredChain {
  readonly #db: Database;
  readonly #pageBytes: number;

  /** @param pageBytes most bytes (approximate) of the contents of a page. A single event may be longer. */
  constructor(db: Database, pageBytes = PAGE_BYTES) {
    this.#db = db;
    this.#pageBytes = pageBytes;
  }

  /**
   * The events after `after` up to `until` in pages, in the order of their positions. Positions that are missing are left
   * out. While a page is used, the next ones are read, on as many connections as the pool has.
   */
  async *pages(
    after: number,
    until: number,
    signal: AbortSignal,
  ): AsyncGenerator<Iterable<LinkedEvent>, void, undefined> {
    const read = await contentStatement(this.#db, 'contents');
    for await (const page of this.#pages(read, after, until, signal)) yield eventsOf(page);
  }

  /** The same without contents, which is enough to follow the chain, in two thirds of the time. */
  async *links(
    after: number,
    until: number,
    signal: AbortSignal,
  ): AsyncGenerator<Iterable<ChainLink>, void, undefined> {
    const read = await contentStatement(this.#db, 'leaves');
    for await (const page of this.#pages(read, after, until, signal)) yield linksOf(page);
  }

  async *#pages(
    contents: ReadContents,
    after: number,
    until: number,
    signal: AbortSignal,
  ): AsyncGenerator<ReadPage, void, undefined> {
    const { formerPosition } = await readOrigin(this.#db);
    const read = (range: PositionRange) => this.#read(contents, range, formerPosition);
    let next = after;
    let ahead: { readonly range: PositionRange; readonly page: Promise<ReadPage> }[] = [];
    while (true) {
      while (ahead.length <= AHEAD && next < until) {
        const range = { after: next, until: Math.min(next + PAGE, until) };
        const page = read(range);
        // If it is not awaited any more, it may fail.
        page.catch(() => undefined);
        ahead.push({ range, page });
        next = range.until;
      }
      const first = ahead.shift();
      if (!first) return;
      let current = await first.page;
      signal.throwIfAborted();
      if (current.page.count === 0) {
        // A forger can leave a hole of any size: it is passed with one statement.
        const found = await this.#firstAfter(first.range.until, until);
        if (found === undefined) return;
        if (found > next) [next, ahead] = [found - 1, []];
        continue;
      }
      yield current;
      // Postgres looks at all events of a range for the size of its first page. Long events are few in a page, so the next range is short too.
      for (let { after } = first.range; current.page.reached < first.range.until; ) {
        const { reached } = current.page;
        const range = { after: reached, until: Math.min(first.range.until, reached + 2 * (reached - after)) };
        ({ after } = range);
        current = await read(range);
        signal.throwIfAborted();
        yield current;
      }
    }
  }

  async #read(contents: ReadContents, range: PositionRange, formerPosition: number): Promise<ReadPage> {
    const [[page], former] = await Promise.all([
      contents({ ...range, bytes: this.#pageBytes }),
      range.after < formerPosition ? this.#formerHashes(range) : undefined,
    ]);
    if (!page) throw new Error('A statement that has one row has returned none.');
    return { page, formerHash: (position) => (position <= formerPosition ? former?.(position) : undefined) };
  }

  async #firstAfter(position: number, until: number): Promise<number | undefined> {
    const [row] = await this.#db.execute<{ position: number | null }>(
      sql`select min(position) as position from es.events where position > ${position}::bigint and position <= ${until}::bigint`,
    );
    return row?.position == null ? undefined : Number(row.position);
  }

  /** The hashes of events that are older than the chain, by their positions. */
  async #formerHashes({ after, until }: PositionRange): Promise<(position: number) => Buffer> {
    const from = after - (after % FORMER_PAGE) + 1;
    const rows = await this.#db.execute<{ first: number; hashes: Buffer }>(
      sql`select first, hashes from es.former_hashes where first between ${from}::bigint and ${until}::bigint`,
    );
    const pages = new Map(rows.map(({ first: start, hashes }) => [Number(start), hashes]));
    return (position) => {
      const nth = (position - 1) % FORMER_PAGE;
      const hash = pages.get(position - nth)?.subarray(nth * HASH_BYTES, (nth + 1) * HASH_BYTES);
      return hash?.length === HASH_BYTES ? hash : NO_HASH;
    };
  }
}

function* eventsOf(read: ReadPage): Generator<LinkedEvent> {
  const contents = Buffer.from(read.page.contents ?? '');
  const certifies = mayCertify(contents);
  const linked = linker(read);
  let start = 0;
  for (let nth = 0; nth < read.page.count; nth++) {
    const end = contents.indexOf(LINE_FEED, start);
    const content = contents.subarray(start, end < 0 ? contents.length : end);
    start = end + 1;
    const certificate = certifies ? readCertificate(content) : undefined;
    yield { ...linked(nth, leafHash(content)), content, certificate };
  }
}

function* linksOf(read: ReadPage): Generator<ChainLink> {
  const { count, contents, leaves } = read.page;
  const certificates = new Map<number, Certificate | undefined>();
  for (const content of contents?.split('\n') ?? []) {
    const [, position] = /^\{"position":(\d+),/.exec(content) ?? [];
    certificates.set(Number(position), readCertificate(Buffer.from(content)));
  }
  const linked = linker(read);
  for (let nth = 0; nth < count; nth++) {
    const link = linked(nth, nthHash(leaves, nth));
    yield certificates.size > 0 ? { ...link, certificate: certificates.get(link.position) } : link;
  }
}

/** Ties the events of a page to their places in the chain, by their numbers in the page and the leaves of their present contents. */
function linker({ page, formerHash }: ReadPage): (nth: number, leaf: Buffer) => ChainLink {
  const { first, positions, hashes } = page;
  const encrypted = new Map(page.encrypted?.map(([position, ...former]) => [position, former]));
  return (nth, leaf) => {
    const position = positions ? Number(positions.readBigInt64BE(nth * 8)) : Number(first) + nth;
    const [formerLeaf, certificate] = encrypted.get(position) ?? [];
    return {
      position,
      hash: formerHash(position) ?? nthHash(hashes, nth),
      leaf: formerLeaf === undefined ? leaf : hashOf(formerLeaf),
      encrypted: certificate === undefined ? undefined : { certificate, leaf },
      certificate: undefined,
    };
  };
}

function nthHash(hashes: Buffer | null, nth: number): Buffer {
  return hashes?.subarray(nth * HASH_BYTES, (nth + 1) * HASH_BYTES) ?? NO_HASH;
}

/** A forger can store what is no hash. */
function hashOf(digits: string): Buffer {
  return digits.length === 2 * HASH_BYTES ? Buffer.from(digits, 'hex') : NO_HASH;
}
