import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import type { EventRow, StoredEvent } from './recorded-events.ts';

/** Default size of one page of the log as JSON, in bytes. */
export const READ_BYTES = 4 * 2 ** 20;
/** Bytes of an event besides its data. */
const ENVELOPE = 400;
/** Minimum and maximum number of events in one query. */
const FEWEST = 16;
const MOST = 100_000;

/**
 * Selects an instant in ms. Parsing Postgres' text of instants would be most of the cost of reading events. `date_part`
 * computes with floats, ten times as fast as `extract` with numerics. Rounded, it is as exact.
 */
export const ms = (column: string) => sql.raw(`round(date_part('epoch', ${column}) * 1000)`);

/**
 * Selects an instant of an event. Events from the future that an operator has accepted (`clock accept`) count as having
 * happened when they were first accepted. The lookup is made only for such events; the last position of them is read
 * once for each statement.
 */
const toldMs = (column: string) =>
  ms(`case when position <= (select max(up_to) from es.acceptances)
           then least(${column}, (select min(accepted_at) from es.acceptances where up_to >= position))
           else ${column} end`);

/** The columns that are read of an event. */
export const eventColumns = sql`position, stream_type, stream_id, version, type, schema_version, data,
  metadata::text as metadata, command_id, event_id, ${toldMs('occurred_at')} as occurred_ms, ${toldMs('recorded_at')} as recorded_ms`;

/** A page of the log. Each event is made of its row once, for all who read the page. */
export class RowPage {
  readonly rows: readonly EventRow[];
  /** False if the log ended there. */
  readonly isFull: boolean;
  readonly #decoded: StoredEvent[];
  readonly #stored: StoredEvent[];

  constructor(rows: readonly EventRow[], isFull: boolean) {
    this.rows = rows;
    this.isFull = isFull;
    this.#decoded = new Array(rows.length);
    this.#stored = new Array(rows.length);
  }

  /** The event of the nth row, with its data converted to the newest schema version. */
  decoded(nth: number, make: (row: EventRow) => StoredEvent): StoredEvent {
    this.#decoded[nth] ??= make(this.rows[nth] as EventRow);
    return this.#decoded[nth];
  }

  /** The event of the nth row, with its data as stored. */
  stored(nth: number, make: (row: EventRow) => StoredEvent): StoredEvent {
    this.#stored[nth] ??= make(this.rows[nth] as EventRow);
    return this.#stored[nth];
  }
}

/**
 * Reads the log in pages that are bounded in bytes as well as in events, so that a page of large events does not take
 * the memory of thousands of them. Postgres has to unpack only compressed data to measure it.
 */
export class LogPages {
  readonly #bytes: number;
  readonly #read: ReturnType<typeof prepared<EventRow & { size: number }>>;
  /**
   * Number of events in the next query. It is smaller after a page that was cut, so that Postgres measures few events
   * that it does not send.
   */
  #rows = MOST;

  constructor(db: Database, bytes = READ_BYTES) {
    this.#bytes = bytes;
    this.#read = prepared(
      db,
      'es_read',
      sql`select ${eventColumns}, size
          from (select *, sum(size) over (order by position rows unbounded preceding) - size as before
                from (select *, ${sql.raw(String(ENVELOPE))} + case when pg_column_compression(data) is null
                             then pg_column_size(data) else octet_length(data::text) end as size
                      from es.events where position > ${sql.placeholder('after')}
                      order by position limit ${sql.placeholder('limit')}) measured) page
          where before < ${sql.placeholder('bytes')} order by position`,
    );
  }

  /** At most `limit` events after a position, in order: fewer if they are large, none at the end of the log. */
  async after(position: number, limit: number): Promise<RowPage> {
    const most = Math.min(limit, this.#rows);
    const rows = await this.#read({ after: position, limit: most, bytes: this.#bytes });
    const bytes = rows.reduce((sum, { size }) => sum + size, 0);
    const isCut = bytes >= this.#bytes;
    this.#rows = isCut ? Math.max(FEWEST, 2 * rows.length) : Math.min(MOST, 2 * this.#rows);
    return new RowPage(rows, isCut || rows.length === most);
  }
}
