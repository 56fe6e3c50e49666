import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { readAgain } from '../../database/transient.ts';
import { type EventTypes, type RecordedEvent, UnreadableEventError } from '../define/event.ts';
import { type KeyLookup, type KeyRef, keysOf, sealOf } from '../privacy/sealed-data.ts';
import type { SubjectKeys } from '../privacy/subject-keys.ts';
import { decodeEvent } from './decode-event.ts';
import type { LogEnd } from './log-history.ts';
import { eventColumns, LogPages, ms, RowPage } from './log-pages.ts';
import { type EventRow, StoredEvent } from './recorded-events.ts';
import { SharedPages } from './shared-pages.ts';

export interface ReadOptions {
  /** Selects the types whose data is decoded. The data of other events stays as stored, readable or not. */
  readonly wanted?: (type: string) => boolean;
  /** Who reads. Pages are shared among consumers that are near each other. */
  readonly consumer?: string;
  /** Called for events that cannot be read. Their data then stays as stored. */
  readonly onUnreadable?: (error: UnreadableEventError) => void;
}

interface LogEndRow {
  position: number | null;
  event_id: string | null;
  recorded_ms: number | null;
  is_standby: boolean;
  known_id: string | null;
  checkpoint: number;
}

export interface LogReaderOptions {
  readonly pageBytes?: number | undefined;
  readonly keys?: SubjectKeys | undefined;
}

/** Reads the log in the order of positions. */
export class LogReader {
  readonly #events: EventTypes;
  readonly #keys: SubjectKeys | undefined;
  readonly #pages: SharedPages;
  readonly #readAt: ReturnType<typeof prepared<EventRow>>;
  readonly #head: ReturnType<typeof prepared<{ position: number; recorded_ms: number }>>;
  readonly #end: ReturnType<typeof prepared<LogEndRow>>;
  readonly #checkpointsAfter: ReturnType<typeof prepared<{ name: string; position: number }>>;
  readonly #idsAt: ReturnType<typeof prepared<{ position: number; event_id: string }>>;

  /**
   * @param events every event type that the log may contain, by name.
   * @param options.pageBytes maximum size of one page of the log as JSON, in bytes.
   * @param options.keys has the keys of encrypted parts; undefined if there is no keyring.
   */
  constructor(db: Database, events: EventTypes, { pageBytes, keys }: LogReaderOptions = {}) {
    this.#events = events;
    this.#keys = keys;
    this.#pages = new SharedPages(new LogPages(db, pageBytes));
    this.#readAt = prepared(
      db,
      'es_read_at',
      sql`select ${eventColumns} from es.events
          where position = any(${sql.placeholder('positions')}::text::bigint[]) order by position`,
    );
    this.#head = prepared(
      db,
      'es_head',
      sql`select position, ${ms('recorded_at')} as recorded_ms from es.events order by position desc limit 1`,
    );
    this.#end = prepared(
      db,
      'es_log_end',
      sql`select h.*, pg_is_in_recovery() as is_standby,
                 (select k.event_id from es.events k where k.position = ${sql.placeholder('known')}) as known_id,
                 (select coalesce(max(c.position), 0) from read.checkpoints c) as checkpoint
          from (select) one left join lateral (
            select position, event_id, ${ms('recorded_at')} as recorded_ms from es.events order by position desc limit 1
          ) h on true`,
    );
    this.#checkpointsAfter = prepared(
      db,
      'es_checkpoints_after',
      sql`select projection as name, position from read.checkpoints
          where position > ${sql.placeholder('position')}::text::bigint order by projection`,
    );
    this.#idsAt = prepared(
      db,
      'es_ids_at',
      sql`select position, event_id from es.events where position = any(${sql.placeholder('positions')}::text::bigint[])`,
    );
  }

  /**
   * At most `limit` events after a position, in order: fewer if they are large, none at the end of the log.
   * @throws {UnreadableEventError} with the event's position, unless `onUnreadable` is given.
   * @throws {KeyringError} if personal parts of wanted events are encrypted, and the keyring cannot be read.
   */
  async read(after: number, limit: number, options: ReadOptions = {}): Promise<RecordedEvent[]> {
    return this.#recorded(await this.#pages.after(after, limit, options.consumer ?? ''), options);
  }

  /** Reads every page from the database again. Call this when the log may have another history. */
  forget(): void {
    this.#pages.forget();
  }

  /** The events at these positions, in order. */
  async readAt(positions: readonly number[], options: ReadOptions = {}): Promise<RecordedEvent[]> {
    const rows = await this.#readAt({ positions: `{${positions.join(',')}}` });
    return this.#recorded(new RowPage(rows, false), options);
  }

  async #recorded(page: RowPage, { wanted = () => true, onUnreadable }: ReadOptions): Promise<RecordedEvent[]> {
    const keys = await this.#keysOf(page, wanted);
    const decoded = (row: EventRow) =>
      new StoredEvent(row, decodeEvent(this.#events, row.data, row, keys), this.#events[row.type], false);
    return page.rows.map(({ type }, nth) => {
      if (!wanted(type)) return page.stored(nth, this.#asStored);
      try {
        return page.decoded(nth, decoded);
      } catch (error) {
        if (!onUnreadable || !(error instanceof UnreadableEventError)) throw error;
        onUnreadable(error);
        return page.stored(nth, this.#asStored);
      }
    });
  }

  /** Those that the wanted events of a page need. */
  async #keysOf(page: RowPage, wanted: (type: string) => boolean): Promise<KeyLookup | undefined> {
    if (!this.#keys) return undefined;
    const refs: KeyRef[] = [];
    for (const { type, data } of page.rows) {
      const seal = sealOf(data);
      if (seal?.parts && wanted(type)) refs.push(...keysOf(seal));
    }
    return this.#keys.cached(refs) ?? (await this.#keys.forReading(refs));
  }

  readonly #asStored = (row: EventRow): StoredEvent => new StoredEvent(row, row.data, this.#events[row.type], true);

  /** The log's last position and when it was recorded. The position is 0 if the log is empty. */
  async head(): Promise<{ position: number; recordedAt: Date | undefined }> {
    const [row] = await readAgain(() => this.#head({}));
    return { position: row?.position ?? 0, recordedAt: row && new Date(row.recorded_ms) };
  }

  /**
   * Reads the end of the log, the event at a known position, and the furthest checkpoint, all at one moment. Only a
   * role that may read checkpoints can do this.
   */
  async readEnd(known: number): Promise<LogEnd> {
    const [row] = await readAgain(() => this.#end({ known }));
    return {
      position: row?.position ?? 0,
      recordedAt: row?.recorded_ms == null ? undefined : new Date(row.recorded_ms),
      eventId: row?.event_id ?? undefined,
      knownId: row?.known_id ?? undefined,
      checkpoint: row?.checkpoint ?? 0,
      isStandby: row?.is_standby ?? false,
    };
  }

  /** Checkpoints beyond a position. Only a role that may read checkpoints can do this. */
  async checkpointsAfter(position: number): Promise<{ name: string; position: number }[]> {
    return readAgain(() => this.#checkpointsAfter({ position }));
  }

  /** The ids of the events at these positions, for each position that has an event. */
  async idsAt(positions: readonly number[]): Promise<Map<number, string>> {
    const rows = await readAgain(() => this.#idsAt({ positions: `{${positions.join(',')}}` }));
    return new Map(rows.map(({ position, event_id }) => [position, event_id]));
  }
}
