import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';
import { rootOf } from '../../../database/errors.ts';
import type { EventTypes } from '../../define/event.ts';
import { ThrottledError } from '../../errors.ts';
import { type IdRules, OWN_IDS } from '../../write/id-rules.ts';
import { ms } from '../log-pages.ts';
import { recordedEvents } from '../recorded-events.ts';
import { appendsJson } from '../sql-json.ts';
import { type Append, type AppendOutcome, newEventIds } from './append.ts';
import { BatchAppend } from './batch-append.ts';
import { isSingle, SingleAppend } from './single-append.ts';
import { wholeBatch } from './whole-batch.ts';

export interface AppenderOptions {
  /** Which streams may have the same id. Default: ids are never shared. */
  readonly idRules?: IdRules;
  /**
   * Maximum difference between this machine's clock and that of Postgres, in ms. 0 (the default) does not compare them.
   */
  readonly clockLimitMs?: number | undefined;
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

/** SQLSTATEs: of `es.recording_time`, and of a violated unique index. */
const CLOCKS_DIFFER = 'AW001';
const FUTURE_EVENT = 'AW002';
const UNIQUE_VIOLATION = '23505';

/**
 * When to try again if no event can be recorded with the right time, in ms. It is long because an operator has to act
 * first.
 */
const RETRY_AFTER_MS = 10_000;

/** Appends batches, each in one statement and one transaction. */
export class LogAppender {
  readonly #events: EventTypes;
  readonly #idRules: IdRules;
  readonly #clockLimitMs: number;
  /** The stream types that may have any id, as an array in Postgres' text form. */
  readonly #sharedTypes: string;
  readonly #single: SingleAppend;
  readonly #whole: BatchAppend;
  readonly #append: ReturnType<typeof prepared<AppendRow>>;

  /** @param events every event type that the log may contain, by name. */
  constructor(db: Database, events: EventTypes, { idRules = OWN_IDS, clockLimitMs = 0 }: AppenderOptions = {}) {
    this.#events = events;
    this.#idRules = idRules;
    this.#clockLimitMs = clockLimitMs;
    this.#sharedTypes = `{${[...idRules.shared].map((type) => JSON.stringify(type)).join(',')}}`;
    this.#single = new SingleAppend(db, idRules, clockLimitMs);
    this.#whole = new BatchAppend(db, idRules, clockLimitMs);
    this.#append = prepared(
      db,
      'es_append',
      sql`select ordinal, outcome, stream_type, stream_id, version, position, ${ms('occurred_at')} as occurred_ms,
                 ${ms('recorded_at')} as recorded_ms, known_event_id
          from es.append(${sql.placeholder('batch')}::jsonb, ${sql.placeholder('shared')}::text::text[])`,
    );
  }

  /**
   * Appends a batch in one transaction. Each append is accepted or refused on its own. Appends for one stream must be
   * in the order in which they build on each other, and a command id may occur only once.
   *
   * @param eventIds for each append the ids of its events, the same in every attempt.
   * @throws the database's error. If it is a lost connection, it is unknown whether the batch was committed.
   * @throws {ThrottledError} if the clocks are such that no event can be recorded with the right time. Nothing was
   * appended.
   */
  async append(
    appends: readonly Append[],
    eventIds: readonly (readonly string[])[] = appends.map(newEventIds),
  ): Promise<AppendOutcome[]> {
    const sendQuickly = isSingle(appends) ? this.#sendSingle : this.#sendWhole;
    const send = async () =>
      (await sendQuickly.call(this, appends, eventIds)) ?? (await this.#sendEach(appends, eventIds));
    try {
      return await send();
    } catch (error) {
      // If this process was paused before it could send, the time that it sent is too old. If it happens again, the
      // clock is wrong.
      if (rootOf(error).code === CLOCKS_DIFFER) return send().catch(refuseTime);
      return refuseTime(error);
    }
  }

  /**
   * Appends the batch as a whole.
   * @returns undefined if an append has to be judged separately; then nothing was appended.
   */
  async #sendWhole(
    appends: readonly Append[],
    eventIds: readonly (readonly string[])[],
  ): Promise<AppendOutcome[] | undefined> {
    const batch = wholeBatch(appends, this.#idRules);
    if (!batch) return undefined;
    const placed = await this.#whole.send(batch, eventIds).catch(nothingIfNotNew);
    if (!placed) return undefined;
    const times = { occurred_ms: placed.recordedMs, recorded_ms: placed.recordedMs };
    let position = placed.head;
    return batch.appends.map(({ append, before }, nth) => {
      const { streamType, streamId, events } = append;
      position += events.length;
      const accepted = { streamType, streamId, version: before + events.length, position };
      const ids = eventIds[nth] as readonly string[];
      return { outcome: 'accepted', ...accepted, events: recordedEvents(append, accepted, times, ids, this.#events) };
    });
  }

  /**
   * Appends the only event of a batch.
   * @returns undefined if the append has to be judged; then nothing was appended.
   */
  async #sendSingle(
    [append]: readonly Append[],
    [ids]: readonly (readonly string[])[],
  ): Promise<AppendOutcome[] | undefined> {
    if (!append || !ids) return undefined;
    const placed = await this.#single.send(append, ids).catch(nothingIfNotNew);
    if (!placed) return undefined;
    const { head, before, recordedMs } = placed;
    const { streamType, streamId } = append;
    const accepted = { streamType, streamId, version: before + 1, position: head + 1 };
    const times = { occurred_ms: recordedMs, recorded_ms: recordedMs };
    return [{ outcome: 'accepted', ...accepted, events: recordedEvents(append, accepted, times, ids, this.#events) }];
  }

  /** Has Postgres judge each append separately. */
  async #sendEach(appends: readonly Append[], eventIds: readonly (readonly string[])[]): Promise<AppendOutcome[]> {
    const batch = appendsJson(appends, eventIds, this.#idRules.sharedWith, this.#clockLimitMs);
    const rows = await this.#append({ batch, shared: this.#sharedTypes });
    return rows.map((row) => {
      const { outcome } = row;
      if (outcome === 'conflict' || outcome === 'reused' || outcome === 'taken') return { outcome };
      const { stream_type: streamType, stream_id: streamId, version, position } = row;
      const accepted = { streamType, streamId, version, position: position ?? 0 };
      const append = appends[row.ordinal - 1] as Append;
      const ids = eventIds[row.ordinal - 1] as readonly string[];
      // For a known command, the log returns the id of its last event. If that is the id sent here, an earlier attempt
      // has committed it.
      if (outcome === 'replayed' && row.known_event_id !== ids.at(-1)) return { outcome, ...accepted };
      return { outcome: 'accepted', ...accepted, events: recordedEvents(append, accepted, row, ids, this.#events) };
    });
  }
}

/** Explains a refusal of `es.recording_time`. */
function refuseTime(error: unknown): never {
  const { code, message } = rootOf(error);
  if (code !== CLOCKS_DIFFER && code !== FUTURE_EVENT) throw error;
  throw new ThrottledError(RETRY_AFTER_MS, `Nothing can be recorded with the right time: ${message}.`);
}

/**
 * Treats a violated unique index as a refusal: a stream or a command of the batch exists already, and the batch was
 * undone.
 */
function nothingIfNotNew(error: unknown): undefined {
  if (rootOf(error).code === UNIQUE_VIOLATION) return undefined;
  throw error;
}
