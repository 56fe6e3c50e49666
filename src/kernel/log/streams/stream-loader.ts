import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';
import { readAgain } from '../../../database/transient.ts';
import type { EventTypes } from '../../define/event.ts';
import type { Subject } from '../../define/personal/subject.ts';
import { GONE } from '../../privacy/keyring.ts';
import { type KeyLookup, type KeyRef, keysOf, sealOf } from '../../privacy/sealed-data.ts';
import type { SubjectKeys } from '../../privacy/subject-keys.ts';
import { decodeEvent } from '../decode-event.ts';
import { type LoadRequest, loadJson } from '../sql-json.ts';
import { keysOfSnapshot, openSnapshot, type SnapshotOf, writerOf } from './snapshot-envelope.ts';

/** A stream to load. Only events after `afterVersion` are returned: the version that the caller has, or 0. */
export interface StreamRequest extends LoadRequest {
  /** The events of its aggregate: a snapshot counts only if the code that took it knew the same. */
  readonly events: EventTypes;
}

/** Why a snapshot was ignored. */
export type Unusable = 'damaged' | 'of older code' | 'of newer code';

/**
 * Brings a stream's state up to date: apply `events` to the snapshot, or to the caller's state if there is no snapshot.
 */
export interface StreamTail {
  readonly snapshot:
    | { readonly version: number; readonly state: unknown; readonly keys?: readonly KeyRef[] }
    | undefined;
  readonly events: readonly LoadedEvent[];
  /** Present if the stream has a snapshot that cannot be used, so that the state is made from the events. */
  readonly ignored?: Unusable;
}

/** An event of a stream. */
export interface LoadedEvent {
  readonly version: number;
  readonly type: string;
  readonly data: unknown;
  /** Whom it is about, if that is stored. */
  readonly subject?: Subject | undefined;
  /** The keys of its personal parts, without those that were destroyed with what they had encrypted. */
  readonly keys?: readonly KeyRef[];
}

interface LoadRow {
  n: number;
  version: number;
  /** Null for a snapshot. */
  type: string | null;
  schema_version: number | null;
  body: unknown;
}

/** A state version that no snapshot has. */
const NONE = -1;

/** Loads streams: the newest usable snapshot of each, and the events after it. */
export class StreamLoader {
  readonly #events: EventTypes;
  readonly #keys: SubjectKeys | undefined;
  readonly #load: ReturnType<typeof prepared<LoadRow>>;
  readonly #loadAt: ReturnType<typeof prepared<LoadRow>>;

  /**
   * @param events every event type that the log may contain, by name.
   * @param keys has the keys of encrypted parts; undefined if there is no keyring.
   */
  constructor(db: Database, events: EventTypes, keys?: SubjectKeys) {
    this.#events = events;
    this.#keys = keys;
    this.#load = prepared(db, 'es_load', sql`select * from es.load(${sql.placeholder('asked')}::jsonb)`);
    this.#loadAt = prepared(
      db,
      'es_load_at',
      sql`select 0 as n, * from es.load_at(${sql.placeholder('streamType')}, ${sql.placeholder('streamId')},
                                           ${sql.placeholder('version')}, ${sql.placeholder('stateVersion')})`,
    );
  }

  /**
   * Loads these streams in one round trip, and returns the results in their order. If a stream cannot be read, its
   * result is the error, so that the others are not affected.
   */
  async load(requests: readonly StreamRequest[]): Promise<(StreamTail | Error)[]> {
    const rows = await readAgain(() => this.#load({ asked: loadJson(requests) }));
    const keys = await this.#keysOf(rows);
    const rowsOf: LoadRow[][] = requests.map(() => []);
    for (const row of rows) rowsOf[row.n]?.push(row);
    const tails = requests.map((request, n) => {
      try {
        return this.#toTail(request, rowsOf[n] ?? [], keys);
      } catch (error) {
        return error instanceof Error ? error : new Error(String(error));
      }
    });
    const again = requests.flatMap((request, n) =>
      typeof tails[n] === 'string' ? { ...request, stateVersion: NONE } : [],
    );
    const whole = again.length > 0 ? await this.load(again) : [];
    return tails.map((tail) => (typeof tail === 'string' ? withoutSnapshot(whole.shift(), tail) : tail));
  }

  /** Loads a stream's state at a version: a snapshot that is not newer, and the events after it. */
  async loadAt(request: Omit<StreamRequest, 'afterVersion'> & { readonly version: number }): Promise<StreamTail> {
    const { events: _, ...asked } = request;
    const rows = await readAgain(() => this.#loadAt(asked));
    const tail = this.#toTail(request, rows, await this.#keysOf(rows));
    if (typeof tail !== 'string') return tail;
    return { ...(await this.loadAt({ ...request, stateVersion: NONE })), ignored: tail };
  }

  /** The keys that rows need. */
  async #keysOf(rows: readonly LoadRow[]): Promise<KeyLookup | undefined> {
    if (!this.#keys) return undefined;
    const refs = rows.flatMap(({ type, body }) => (type === null ? keysOfSnapshot(body) : keysOfData(body)));
    return this.#keys.cached(refs) ?? (await this.#keys.forReading(refs));
  }

  /** @returns why the snapshot cannot be used, if so: then the events before it are needed too. */
  #toTail(
    { events: known, ...of }: Omit<SnapshotOf, 'version'> & Pick<StreamRequest, 'events'>,
    rows: readonly LoadRow[],
    keys: KeyLookup | undefined,
  ): StreamTail | Unusable {
    const [first] = rows;
    let snapshot: StreamTail['snapshot'];
    if (first && first.type === null) {
      const { version, body } = first;
      const opened = openSnapshot({ ...of, version }, body, keys);
      if (!opened) return 'damaged';
      // A state from before an erasure. It is made again from the events, without what was erased.
      if (opened === 'gone') return 'of older code';
      const writer = writerOf(opened, known, this.#events);
      if (writer !== 'same code') return `of ${writer}`;
      const about = keysOfSnapshot(body);
      snapshot = { version, state: opened.state, ...(about.length > 0 ? { keys: about } : {}) };
    }
    const { streamType: stream_type, streamId: stream_id } = of;
    const events = rows.flatMap(({ type, version, body, schema_version }): LoadedEvent | [] => {
      if (type === null) return [];
      const data = decodeEvent(this.#events, body, { type, schema_version, stream_type, stream_id, version }, keys);
      const seal = sealOf(body);
      if (!seal) return { version, type, data };
      return { version, type, data, subject: seal.of, keys: keysOf(seal).filter((ref) => keys?.(ref) !== GONE) };
    });
    return { snapshot, events };
  }
}

function withoutSnapshot(tail: StreamTail | Error | undefined, ignored: Unusable): StreamTail | Error {
  if (!tail) return new Error('A stream was not loaded.');
  return tail instanceof Error ? tail : { ...tail, ignored };
}

function keysOfData(body: unknown): readonly KeyRef[] {
  const seal = sealOf(body);
  return seal ? keysOf(seal) : NO_KEYS;
}

const NO_KEYS: readonly KeyRef[] = [];
