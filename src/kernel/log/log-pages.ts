import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/prepared.ts';
import type { EventRow } from './recorded-events.ts';

/** Bytes of one page of the log unless given, as JSON. */
export const READ_BYTES = 4 * 2 ** 20;
/** Bytes of an event besides its data. */
const ENVELOPE = 400;
/** The fewest events that are asked for, and the most. */
const FEWEST = 16;
const MOST = 100_000;

/**
 * An instant as milliseconds: parsing Postgres' text of it is what reading events would mostly spend its time on.
 * `date_part` computes with floats, ten times as fast as `extract` with numerics; rounded it is as exact.
 */
export const ms = (column: string) => sql.raw(`round(date_part('epoch', ${column}) * 1000)`);

/**
 * An instant of an event as it is told: events of the future that an operator has accepted (`clock accept`) happened no later
 * than they were accepted, the first time if there are several. The look-up is made for such events only; the last position
 * of them is asked for once a statement.
 */
const toldMs = (column: string) =>
  ms(`case when position <= (select max(up_to) from es.acceptances)
           then least(${column}, (select min(accepted_at) from es.acceptances where up_to >= position))
           else ${column} end`);

/** What is read of an event. */
export const eventColumns = sql`position, stream_type, stream_id, version, type, schema_version, data,
  metadata::text as metadata, command_id, event_id, ${toldMs('occurred_at')} as occurred_ms, ${toldMs('recorded_at')} as recorded_ms`;

/**
 * Reads the log in pages that are bounded in bytes as well as in events, so that a page of large events does not take the
 * memory of thousands of them. Only what Postgres has compressed has to be unpacked to be measured.
 */
export class LogPages {
  readonly #bytes: number;
  readonly #read: ReturnType<typeof prepared<EventRow & { size: number }>>;
  /** Events to ask for: fewer after a page that was cut, so that Postgres does not measure what it does not send. */
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

  /** Events after a position, in order: at most `limit` of them, fewer if they are large, none at the end of the log. */
  async after(position: number, limit: number): Promise<EventRow[]> {
    const rows = await this.#read({ after: position, limit: Math.min(limit, this.#rows), bytes: this.#bytes });
    const bytes = rows.reduce((sum, { size }) => sum + size, 0);
    this.#rows = bytes >= this.#bytes ? Math.max(FEWEST, 2 * rows.length) : Math.min(MOST, 2 * this.#rows);
    return rows;
  }
}
