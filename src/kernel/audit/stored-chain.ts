import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { TENANT_COLUMN } from '../../database/tenancy/tenant-setting.ts';
import { type Certificate, type Encrypted, readCertificate } from '../proof/encryption-certificate.ts';
import { HASH_BYTES, leafHash, originHash } from '../proof/hashes.ts';

/** Where the chain of hashes of a log begins. */
export interface ChainOrigin {
  /** The text whose hash stands before the first event. */
  readonly text: string;
  /** The hash of this text. */
  readonly hash: Buffer;
  /** The last event that was hashed some time after it was recorded; 0 if there is none. */
  readonly formerPosition: number;
  /** When these were hashed; undefined while they still are: later events have no hashes yet. */
  readonly completedAt: Date | undefined;
}

/** An event with its place in the chain, as the database has it. */
export interface LinkedEvent {
  readonly position: number;
  /** The content as UTF-8. It is part of the memory of its page. */
  readonly content: Buffer;
  /** The leaf of the content that it was recorded with: of that content, unless it was encrypted since. */
  readonly leaf: Buffer;
  /** The hash that is stored with it; zeros if there is none, or it has a wrong size. */
  readonly hash: Buffer;
  readonly encrypted: Encrypted | undefined;
  readonly certificate: Certificate | undefined;
}

/** @throws {Error} if the database has lost the row. */
export async function readOrigin(db: Database): Promise<ChainOrigin> {
  const [row] = await db.execute<{ origin: string; former: number; completed: number | null }>(
    sql`select origin, former_position as former, date_part('epoch', completed_at) * 1000 as completed from es.chain`,
  );
  if (!row) throw new Error('The row of es.chain is missing: it says where the hashes of the log begin. Restore it.');
  const text = `afterwrite log ${row.origin}`;
  return {
    ...{ text, hash: originHash(text), formerPosition: Number(row.former) },
    completedAt: row.completed === null ? undefined : new Date(row.completed),
  };
}

/** The hash that is stored with the event at a position, or stands before the first one; undefined if there is none. */
export async function readHash(db: Database, position: number): Promise<Buffer | undefined> {
  const [row] = await db.execute<{ hash: Buffer | null }>(sql`select es.hash_at(${position}::bigint) as hash`);
  return row?.hash ?? undefined;
}

/** The last position of the log; 0 if it is empty. */
export async function readEnd(db: Database): Promise<number> {
  const [row] = await db.execute<{ end: number }>(sql`select coalesce(max(position), 0) as end from es.events`);
  return Number(row?.end ?? 0);
}

/** Most events and bytes (approximate) of one page. */
const PAGE = 5000;
const PAGE_BYTES = 4 * 2 ** 20;
/** Events whose hashes are in one row of `es.former_hashes`. */
const FORMER_PAGE = 1000;
const LINE_FEED = 10;
const NO_HASH = Buffer.alloc(HASH_BYTES);

interface ContentPage extends Record<string, unknown> {
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** Contents are lines: JSON has no line feeds. A single value is read in a tenth of the time that a row for each event takes. */
  readonly contents: string;
  readonly hashes: Buffer;
  /** Null if no position is missing between the first and the last one. */
  readonly positions: Buffer | null;
  /** Of the events that were encrypted: position, former leaf and id of the certificate. Null if there is none. */
  readonly encrypted: readonly (readonly [number, string, string])[] | null;
}

type ReadPage = (parameters: Record<string, unknown>) => Promise<ContentPage[]>;

/**
 * What `es.event_content` makes of an event of the page. It is not called, because whoever owns the database could replace it by a
 * function that shows an altered event as it was.
 */
function contentOfEvent(hasTenants: boolean): string {
  const event = '(page.event)';
  const utc = (column: string) => `rtrim(to_json(${event}.${column} at time zone interval '0')::text, '"')`;
  return `format(
    '{"position":%s,${hasTenants ? '"tenant":%s,' : ''}"streamType":%s,"streamId":"%s","version":%s,"type":%s,"schemaVersion":%s,'
      '"data":%s,"metadata":%s,"commandId":"%s","commandFingerprint":%s,"eventId":"%s","occurredAt":%sZ","recordedAt":%sZ"}',
    ${event}.position, ${hasTenants ? `to_json(${event}.${TENANT_COLUMN}),` : ''} to_json(${event}.stream_type),
    ${event}.stream_id, ${event}.version, to_json(${event}.type), ${event}.schema_version, ${event}.data, ${event}.metadata,
    ${event}.command_id, coalesce('"' || ${event}.command_fingerprint::text || '"', 'null'), ${event}.event_id,
    ${utc('occurred_at')}, ${utc('recorded_at')})`;
}

/** Reads the events of a log with their contents and hashes, as they are stored. Its role may read `es.events`. */
export class StoredChain {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The statement that reads a page. */
  async #statement(): Promise<ReadPage> {
    const [tenants] = await this.#db.execute(
      sql`select from pg_attribute where attrelid = 'es.events'::regclass and attname = ${TENANT_COLUMN} and not attisdropped`,
    );
    return prepared<ContentPage>(
      this.#db,
      tenants ? 'es_linked_of_tenant' : 'es_linked',
      sql`select count(*)::int as count, min(position) as first, max(position) as last,
                 string_agg(${sql.raw(contentOfEvent(tenants !== undefined))}, e'\n' order by position) as contents,
                 string_agg(case when length((page.event).hash) = ${sql.raw(String(HASH_BYTES))} then (page.event).hash
                                 else '\\x${sql.raw(NO_HASH.toString('hex'))}' end, '' order by position) as hashes,
                 case when count(*) <> max(position) - min(position) + 1
                      then string_agg(int8send(position), '' order by position) end as positions,
                 jsonb_agg(jsonb_build_array(position, encode(former_leaf, 'hex'), certificate))
                   filter (where certificate is not null) as encrypted
          from (select position, event, former_leaf, certificate, sum(size) over (order by position rows unbounded preceding) - size as before
                from (select e as event, e.position, r.former_leaf, r.certificate,
                             case when pg_column_compression(e.data) is null
                                  then pg_column_size(e.data) else octet_length(e.data::text) end as size
                      from es.events e left join es.rewrites r on r.position = e.position
                      where e.position > ${sql.placeholder('after')}::bigint and e.position <= ${sql.placeholder('until')}::bigint
                      order by e.position limit ${sql.raw(String(PAGE))}) measured) page
          where before < ${sql.raw(String(PAGE_BYTES))}`,
    );
  }

  /**
   * The events after `after` up to `until` in pages, in the order of their positions. Positions that are missing are left
   * out. While a page is used, the next one is read.
   */
  async *pages(
    after: number,
    until: number,
    signal: AbortSignal,
  ): AsyncGenerator<Iterable<LinkedEvent>, void, undefined> {
    const [{ formerPosition }, read] = await Promise.all([readOrigin(this.#db), this.#statement()]);
    let next: Promise<ContentPage[]> | undefined = read({ after, until });
    try {
      while (next) {
        signal.throwIfAborted();
        const [page]: ContentPage[] = await next;
        next = undefined;
        if (!page || page.count === 0) return;
        if (page.last < until) next = read({ after: page.last, until });
        const former = page.first <= formerPosition ? await this.#formerHashes(page.first, page.last) : undefined;
        yield eventsOf(page, (position) => (position <= formerPosition ? former?.(position) : undefined));
      }
    } finally {
      // What is not awaited any more may fail.
      next?.catch(() => undefined);
    }
  }

  /** The hashes of events that are older than the chain, by their positions. */
  async #formerHashes(first: number, last: number): Promise<(position: number) => Buffer> {
    const from = first - ((first - 1) % FORMER_PAGE);
    const rows = await this.#db.execute<{ first: number; hashes: Buffer }>(
      sql`select first, hashes from es.former_hashes where first between ${from}::bigint and ${last}::bigint`,
    );
    const pages = new Map(rows.map(({ first: start, hashes }) => [Number(start), hashes]));
    return (position) => {
      const nth = (position - 1) % FORMER_PAGE;
      const hash = pages.get(position - nth)?.subarray(nth * HASH_BYTES, (nth + 1) * HASH_BYTES);
      return hash?.length === HASH_BYTES ? hash : NO_HASH;
    };
  }
}

function* eventsOf(page: ContentPage, formerHash: (position: number) => Buffer | undefined): Generator<LinkedEvent> {
  const { count, first, positions } = page;
  const contents = Buffer.from(page.contents);
  const encrypted = new Map(page.encrypted?.map(([position, ...former]) => [position, former]));
  let start = 0;
  for (let nth = 0; nth < count; nth++) {
    const end = contents.indexOf(LINE_FEED, start);
    const content = contents.subarray(start, end < 0 ? contents.length : end);
    start = end + 1;
    const position = positions ? Number(positions.readBigInt64BE(nth * 8)) : first + nth;
    const hash = formerHash(position) ?? page.hashes.subarray(nth * HASH_BYTES, (nth + 1) * HASH_BYTES);
    const leaf = leafHash(content);
    const [formerLeaf, certificate] = encrypted.get(position) ?? [];
    yield {
      ...{ position, content, hash, certificate: readCertificate(content) },
      leaf: formerLeaf === undefined ? leaf : Buffer.from(formerLeaf, 'hex'),
      encrypted: certificate === undefined ? undefined : { certificate, leaf },
    };
  }
}
