import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import { rootOf } from '../../database/errors.ts';
import { readAgain } from '../../database/transient.ts';
import { wallTime } from '../clock/wall-clock.ts';
import { type EventTypes, type RecordedEvent, UnreadableEventError } from '../define/event.ts';
import { ThrottledError } from '../errors.ts';
import type { CommandIdentity } from '../write/command-identity.ts';
import { type IdRules, OWN_IDS } from '../write/id-rules.ts';
import { type Accepted, type Append, type AppendOutcome, type KnownCommand, newEventIds } from './append/append.ts';
import { wholeBatch } from './append/append-all-rows.ts';
import { lit } from './append/beacon.ts';
import { heldInOrder } from './append/held-streams.ts';
import type { LogLook } from './log-history.ts';
import { eventColumns, LogPages, ms } from './log-pages.ts';
import { type EventRow, recordedEvents, StoredEvent } from './recorded-events.ts';
import { openSnapshot, type SnapshotOf } from './snapshot-envelope.ts';

/** A stream whose state is wanted, and what the caller has of it already. */
export interface StreamRequest {
  readonly streamType: string;
  readonly streamId: string;
  /** Only what comes after this version is wanted; 0 for all. */
  readonly afterVersion: number;
  readonly stateVersion: number;
}
/** What brings a stream's state up to date: apply `events` to the snapshot, or where there is none to what you have. */
export interface StreamTail {
  readonly snapshot: { readonly version: number; readonly state: unknown } | undefined;
  readonly events: readonly { readonly version: number; readonly type: string; readonly data: unknown }[];
  /** There is a snapshot that is damaged, or of an earlier version: it was passed over. */
  readonly hasBadSnapshot?: boolean;
}

export interface ReadOptions {
  /** The types whose data will be looked at: of the others it stays as it was stored, readable or not. */
  readonly wanted?: (type: string) => boolean;
  /** Told of what cannot be read, whose data then stays as it was stored too. */
  readonly onUnreadable?: (error: UnreadableEventError) => void;
}

interface AppendRow {
  ordinal: number;
  outcome: AppendOutcome['outcome'];
  stream_type: string;
  stream_id: string;
  version: number;
  position: number | null;
  occurred_ms: number;
  recorded_ms: number;
  known_event_id: string | null;
}
interface LookRow {
  position: number | null;
  event_id: string | null;
  recorded_ms: number | null;
  is_standby: boolean;
  known_id: string | null;
  checkpoint: number;
}
interface LoadRow {
  n: number;
  version: number;
  type: string | null;
  schema_version: number | null;
  body: unknown;
}

/** The event log in Postgres: dense positions in commit order, one statement for many appends or streams. */
export class EventLog {
  readonly #events: EventTypes;
  readonly #idRules: IdRules;
  readonly #clockLimitMs: number;
  /** The shared types as an array in Postgres' text form. */
  readonly #sharedTypes: string;
  readonly #append: ReturnType<typeof prepared<AppendRow>>;
  readonly #all: ReturnType<typeof prepared<{ head: number; recorded_ms: number }>>;
  readonly #load: ReturnType<typeof prepared<LoadRow>>;
  readonly #loadAt: ReturnType<typeof prepared<LoadRow>>;
  readonly #pages: LogPages;
  readonly #readAt: ReturnType<typeof prepared<EventRow>>;
  readonly #head: ReturnType<typeof prepared<{ position: number; recorded_ms: number }>>;
  readonly #look: ReturnType<typeof prepared<LookRow>>;
  readonly #idsAt: ReturnType<typeof prepared<{ position: number; event_id: string }>>;
  readonly #command: ReturnType<typeof prepared<AppendRow & { same: boolean }>>;

  /**
   * @param events every event that the log may hold, by name.
   * @param idRules which streams may have the same id; needed only to append.
   * @param readBytes of one page of the log, as JSON.
   * @param clockLimitMs by which this machine's clock and Postgres' may differ when events are appended; 0 does not compare them.
   */
  constructor(db: Database, events: EventTypes, idRules = OWN_IDS, readBytes?: number, clockLimitMs = 0) {
    this.#clockLimitMs = clockLimitMs;
    this.#events = events;
    this.#idRules = idRules;
    this.#sharedTypes = `{${[...idRules.shared].map((type) => JSON.stringify(type)).join(',')}}`;
    this.#append = prepared(
      db,
      'es_append',
      sql`select ordinal, outcome, stream_type, stream_id, version, position, ${ms('occurred_at')} as occurred_ms,
                 ${ms('recorded_at')} as recorded_ms, known_event_id
          from es.append(${lit('batch')}, ${sql.placeholder('shared')}::text::text[])`,
    );
    this.#all = prepared(
      db,
      'es_append_all',
      sql`select head, ${ms('recorded_at')} as recorded_ms
          from es.append_all(${lit('appends')}, ${sql.placeholder('events')}::jsonb,
                             ${sql.placeholder('known')}::boolean, ${sql.placeholder('shared')}::text::text[])`,
    );
    this.#load = prepared(db, 'es_load', sql`select * from es.load(${sql.placeholder('asked')}::jsonb)`);
    this.#loadAt = prepared(
      db,
      'es_load_at',
      sql`select 0 as n, * from es.load_at(${sql.placeholder('streamType')}, ${sql.placeholder('streamId')},
                                           ${sql.placeholder('version')}, ${sql.placeholder('stateVersion')})`,
    );
    this.#pages = new LogPages(db, readBytes);
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
    this.#look = prepared(
      db,
      'es_look',
      sql`select h.*, pg_is_in_recovery() as is_standby,
                 (select k.event_id from es.events k where k.position = ${sql.placeholder('known')}) as known_id,
                 (select coalesce(max(c.position), 0) from read.checkpoints c) as checkpoint
          from (select) one left join lateral (
            select position, event_id, ${ms('recorded_at')} as recorded_ms from es.events order by position desc limit 1
          ) h on true`,
    );
    this.#idsAt = prepared(
      db,
      'es_ids_at',
      sql`select position, event_id from es.events where position = any(${sql.placeholder('positions')}::text::bigint[])`,
    );
    this.#command = prepared(
      db,
      'es_command',
      sql`select stream_type, stream_id, version, position,
                 fingerprint = ${sql.placeholder('fingerprint')}
                   or (fingerprint = ${sql.placeholder('formerFingerprint')}::text::uuid and is_actors) as same
          from (select command_id, fingerprint, stream_type, stream_id, version, position,
                       metadata -> 'actor' ->> 'id' = ${sql.placeholder('actorId')}::text as is_actors
                from (select command_id, command_fingerprint as fingerprint, stream_type, stream_id, version, position, metadata
                      from es.events where command_fingerprint is not null
                      union all
                      select command_id, fingerprint, stream_type, stream_id, version, position, metadata
                      from es.receipts) stored
                where command_id = any(array[${sql.placeholder('commandId')}, ${sql.placeholder('formerCommandId')}]::text[]::uuid[])
               ) known
          where command_id = ${sql.placeholder('commandId')}::text::uuid or is_actors
          order by command_id = ${sql.placeholder('commandId')}::text::uuid desc limit 1`,
    );
  }

  /**
   * Appends in one transaction; each is accepted or refused on its own. The same appends may be sent again after a broken
   * connection, with the same event ids: what was committed is accepted where it stands.
   *
   * @param appends those of one stream in the order in which they build on each other; no command id twice.
   * @param eventIds for each append those of its events.
   * @throws {ThrottledError} if the clocks say that the events would get a false time; nothing is appended.
   * @param beacon a number by which others can see whether Postgres is at work on it: see `beacon.ts`.
   */
  async append(
    appends: readonly Append[],
    eventIds: readonly (readonly string[])[] = appends.map(newEventIds),
    beacon: number | null = null,
  ): Promise<AppendOutcome[]> {
    const send = async () =>
      (await this.#appendAll(appends, eventIds, beacon)) ?? (await this.#appendEach(appends, eventIds, beacon));
    // A process that was paused before it could send sends a time that is old: once more, then it is the clock.
    return send().catch((error) =>
      rootOf(error).code === CLOCKS_DIFFER ? send().catch(refuseTime) : refuseTime(error),
    );
  }

  /** What this machine's clock says, for Postgres to compare. */
  #witness(): { k?: readonly [number, number] } {
    return this.#clockLimitMs > 0 ? { k: [wallTime(), this.#clockLimitMs] } : {};
  }

  /** Appends all of them; undefined, and nothing is done, where something stands in the way of one. */
  async #appendAll(
    appends: readonly Append[],
    eventIds: readonly (readonly string[])[],
    beacon: number | null,
  ): Promise<AppendOutcome[] | undefined> {
    const batch = wholeBatch(appends, eventIds, this.#idRules);
    if (!batch) return undefined;
    const [row] = await this.#all({
      appends: JSON.stringify([{ ...batch.appends[0], ...this.#witness() }, ...batch.appends.slice(1)]),
      events: JSON.stringify(batch.events),
      beacon,
      known: batch.hasKnownStreams,
      shared: this.#sharedTypes,
    }).catch(unlessKnown);
    if (!row) return undefined;
    const times = { occurred_ms: row.recorded_ms, recorded_ms: row.recorded_ms };
    let position = row.head;
    return appends.map((append, index) => {
      const { streamType, streamId, events } = append;
      position += events.length;
      const version = (append.expectedVersion ?? 0) + events.length;
      const accepted = { streamType, streamId, version, position };
      const ids = eventIds[index] as readonly string[];
      return { outcome: 'accepted', ...accepted, events: recordedEvents(append, accepted, times, ids, this.#events) };
    });
  }

  /** Each is accepted or refused on its own. */
  async #appendEach(
    appends: readonly Append[],
    eventIds: readonly (readonly string[])[],
    beacon: number | null,
  ): Promise<AppendOutcome[]> {
    const held = heldInOrder(appends);
    const batch = appends.map((append, index) => ({
      ...(index === 0 ? this.#witness() : {}),
      t: append.streamType,
      i: append.streamId,
      v: append.expectedVersion,
      c: append.commandId,
      p: append.formerCommandId,
      f: append.fingerprint,
      g: append.formerFingerprint,
      x: this.#idRules.sharedWith.get(append.streamType),
      o: append.occurredAt,
      m: append.metadata,
      q: held[index],
      ...(append.events.length === 0 ? { r: eventIds[index]?.[0] } : {}),
      e: append.events.map((event, nth) => ({
        i: eventIds[index]?.[nth],
        t: event.type,
        s: event.schemaVersion,
        d: event.data,
      })),
    }));
    const rows = await this.#append({ batch: JSON.stringify(batch), beacon, shared: this.#sharedTypes });
    return rows.map((row) => {
      const { outcome } = row;
      if (outcome === 'conflict' || outcome === 'reused' || outcome === 'taken') return { outcome };
      const accepted = toAccepted(row);
      const append = appends[row.ordinal - 1] as Append;
      const ids = eventIds[row.ordinal - 1] as readonly string[];
      // Of a known command the log tells the last event: if it is the very one, an earlier attempt has committed it.
      if (row.outcome === 'replayed' && row.known_event_id !== ids.at(-1)) return { outcome: 'replayed', ...accepted };
      return { outcome: 'accepted', ...accepted, events: recordedEvents(append, accepted, row, ids, this.#events) };
    });
  }

  /**
   * What brings each of these streams up to date, in their order, in one round trip; for a stream that cannot be read the
   * reason, so that the others are not hurt.
   */
  async load(requests: readonly StreamRequest[]): Promise<(StreamTail | Error)[]> {
    const asked = requests.map((request, n) => ({
      n,
      t: request.streamType,
      i: request.streamId,
      v: request.afterVersion,
      w: request.stateVersion,
    }));
    const rows = await readAgain(() => this.#load({ asked: JSON.stringify(asked) }));
    const rowsOf: LoadRow[][] = requests.map(() => []);
    for (const row of rows) rowsOf[row.n]?.push(row);
    const tails = requests.map((request, n) => {
      try {
        return this.#toTail(request, rowsOf[n] ?? []);
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
      }
    });
    const again = requests.flatMap((request, n) => (tails[n] === undefined ? { ...request, stateVersion: NONE } : []));
    const whole = again.length > 0 ? await this.load(again) : [];
    return tails.map((tail) => tail ?? withoutSnapshot(whole.shift()));
  }

  /** What makes a stream's state as it was at a version: of a snapshot that is not newer, and the events after that. */
  async loadAt(request: Omit<StreamRequest, 'afterVersion'> & { readonly version: number }): Promise<StreamTail> {
    const tail = this.#toTail(request, await readAgain(() => this.#loadAt({ ...request })));
    return tail ?? { ...(await this.loadAt({ ...request, stateVersion: NONE })), hasBadSnapshot: true };
  }

  /** @returns undefined if the snapshot does not fit: the events before it are needed too. */
  #toTail(of: Omit<SnapshotOf, 'version'>, rows: readonly LoadRow[]): StreamTail | undefined {
    const [first] = rows;
    let snapshot: StreamTail['snapshot'];
    if (first && first.type === null) {
      const { version, body } = first;
      const opened = openSnapshot({ ...of, version }, body);
      if (!opened) return undefined;
      snapshot = { version, ...opened };
    }
    const events = rows.flatMap(({ type, version, body, schema_version }) =>
      type === null ? [] : [{ version, type, data: this.#decode(type, body, { schema_version }) }],
    );
    return { snapshot, events };
  }

  /**
   * At most `limit` events after a position, in order; fewer if they are large, none at the end of the log.
   * @throws {UnreadableEventError} with the event's position, unless somebody is told of it.
   */
  async read(after: number, limit: number, options: ReadOptions = {}): Promise<RecordedEvent[]> {
    return this.#recorded(await this.#pages.after(after, limit), options);
  }

  /** The events at these positions, in order. */
  async readAt(positions: readonly number[], options: ReadOptions = {}): Promise<RecordedEvent[]> {
    return this.#recorded(await this.#readAt({ positions: `{${positions.join(',')}}` }), options);
  }

  #recorded(rows: readonly EventRow[], { wanted = () => true, onUnreadable }: ReadOptions): RecordedEvent[] {
    return rows.map((row) => {
      const definition = this.#events[row.type];
      if (!wanted(row.type)) return new StoredEvent(row, row.data, definition, true);
      try {
        return new StoredEvent(row, this.#decode(row.type, row.data, row), definition, false);
      } catch (error) {
        if (!onUnreadable || !(error instanceof UnreadableEventError)) throw error;
        onUnreadable(error);
        return new StoredEvent(row, row.data, definition, true);
      }
    });
  }

  /** The log's last position and when it was recorded; 0 where the log is empty. */
  async head(): Promise<{ position: number; recordedAt: Date | undefined }> {
    const [row] = await readAgain(() => this.#head({}));
    return { position: row?.position ?? 0, recordedAt: row && new Date(row.recorded_ms) };
  }

  /**
   * Looks at the end of the log, at the event at a known position and at the furthest checkpoint, all at one moment. For who may
   * read checkpoints.
   */
  async look(known: number): Promise<LogLook> {
    const [row] = await readAgain(() => this.#look({ known }));
    return {
      position: row?.position ?? 0,
      recordedAt: row?.recorded_ms == null ? undefined : new Date(row.recorded_ms),
      eventId: row?.event_id ?? undefined,
      knownId: row?.known_id ?? undefined,
      checkpoint: row?.checkpoint ?? 0,
      isStandby: row?.is_standby ?? false,
    };
  }

  /** The ids of the events at these positions; of those that are there. */
  async idsAt(positions: readonly number[]): Promise<Map<number, string>> {
    const rows = await readAgain(() => this.#idsAt({ positions: `{${positions.join(',')}}` }));
    return new Map(rows.map(({ position, event_id }) => [position, event_id]));
  }

  /**
   * What became of a command; undefined if its id was never used. It is `reused` if the id was used by another actor.
   * @param actorId the command's actor, as events' metadata has it.
   */
  async findCommand(identity: CommandIdentity, actorId: string): Promise<KnownCommand | undefined> {
    const { commandId, fingerprint, formerCommandId = null, formerFingerprint = null } = identity;
    const [row] = await readAgain(() =>
      this.#command({ commandId, fingerprint, formerCommandId, formerFingerprint, actorId }),
    );
    if (!row) return undefined;
    return row.same ? { outcome: 'replayed', ...toAccepted(row) } : { outcome: 'reused' };
  }

  #decode(type: string, data: unknown, row: { schema_version: number | null; position?: number }): unknown {
    const definition = this.#events[type];
    const schemaVersion = row.schema_version ?? 0;
    if (!definition) {
      const { position } = row;
      throw new UnreadableEventError(type, schemaVersion, 'no domain defines this event', { position, isNewer: true });
    }
    try {
      return definition.decode(data, schemaVersion);
    } catch (error) {
      throw error instanceof UnreadableEventError ? error.at(row.position) : error;
    }
  }
}

function toAccepted(row: Pick<AppendRow, 'stream_type' | 'stream_id' | 'version' | 'position'>): Accepted {
  return { streamType: row.stream_type, streamId: row.stream_id, version: row.version, position: row.position ?? 0 };
}

const CLOCKS_DIFFER = 'AW001';
const FUTURE_EVENT = 'AW002';

/** Puts what `es.recording_time` refuses into words. */
function refuseTime(error: unknown): never {
  const { code, message } = rootOf(error);
  if (code !== CLOCKS_DIFFER && code !== FUTURE_EVENT) throw error;
  throw new ThrottledError(10_000, `Nothing can be recorded with the right time: ${message}.`);
}

/** A state version that no snapshot has. */
const NONE = -1;

function withoutSnapshot(tail: StreamTail | Error | undefined): StreamTail | Error {
  if (!tail) return new Error('A stream was not loaded.');
  return tail instanceof Error ? tail : { ...tail, hasBadSnapshot: true };
}

/** A stream or a command of the batch is not new, as a unique index knows (unique_violation). */
function unlessKnown(error: unknown): [] {
  if (rootOf(error).code === '23505') return [];
  throw error;
}
