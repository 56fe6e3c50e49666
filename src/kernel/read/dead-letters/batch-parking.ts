import type { RecordedEvent } from '../../define/event.ts';
import type { Key } from '../../define/read-model/projection.ts';
import type { WorkingRow } from '../fold/working-rows.ts';
import { type Merge, ParkedKeys } from './parked-keys.ts';
import { type ParkedEvent, type ParkedStreams, streamName } from './parked-streams.ts';
import { type Poison, TooManyDeadLettersError } from './poison.ts';

/** A row that begins to lack events. */
export interface Stale {
  readonly key: Key;
  readonly text: string;
  /** The first event that it lacks. */
  readonly since: number;
}

/**
 * Maximum number of events that one batch parks, counted for each key: they are in memory, and go to Postgres in one
 * statement.
 */
const MAX_PARKED = 10_000;

/** The batch has parked as many events as it may, and has to end before this one. */
class FullBatchError extends Error {
  readonly code = 'FULL_BATCH';

  constructor() {
    super(`More than ${MAX_PARKED} events would have to be parked together.`);
    this.name = 'FullBatchError';
  }
}

/**
 * Collects what one batch parks. A poison event parks its stream: that event and all later ones of the stream wait, in
 * order. Changes that other streams make to the affected rows wait too. Each row is folded on its own, so the other
 * rows can continue.
 */
export class BatchParking {
  readonly #limit: number;
  readonly #poison: ReadonlyMap<number, Poison>;
  readonly #discarded: ParkedStreams['discarded'];
  readonly #keys: ParkedKeys;
  /** The key of each parked stream and of each row that lacks events, under the name that it had when it was parked. */
  readonly #streams: Map<string, string>;
  readonly #rows: Map<string, string>;
  readonly #parkedEvents: ParkedEvent[] = [];
  /** Parked events whose handler could not tell which rows they would change. */
  readonly #opaque = new Set<ParkedEvent>();
  readonly #partial = new Set<string>();
  #firstPartial: number | undefined;
  readonly #stale: Stale[] = [];

  /**
   * @param parked what was parked before this batch.
   * @param poison poison events, by position.
   * @param limit maximum number of parked keys.
   */
  constructor(parked: ParkedStreams, poison: ReadonlyMap<number, Poison>, limit: number) {
    this.#limit = limit;
    this.#poison = poison;
    this.#discarded = parked.discarded;
    this.#streams = new Map(parked.streams);
    this.#rows = new Map(parked.rows);
    this.#keys = new ParkedKeys(parked.since);
  }

  /** True if the batch parks anything. Otherwise it is written like any other batch. */
  get isNeeded(): boolean {
    return this.#parkedEvents.length > 0;
  }

  /** Rows that lack events from this batch on. */
  get stale(): readonly Stale[] {
    return this.#stale;
  }

  /** Pairs of keys that have become one, in the order in which that happened. */
  get merged(): readonly Merge[] {
    return this.#keys.merges;
  }

  /** The parked events, one for each position and key. */
  get parkedEvents(): readonly ParkedEvent[] {
    const parkedEvents = new Map<string, ParkedEvent>();
    for (const parkedEvent of this.#parkedEvents) {
      const key = this.#keys.of(parkedEvent.key);
      const own = { ...parkedEvent, key, rowsKnown: parkedEvent.rowsKnown && !this.#opaque.has(parkedEvent) };
      const name = `${parkedEvent.event.position} ${key}`;
      const same = parkedEvents.get(name);
      parkedEvents.set(name, same ? combined(same, own) : own);
    }
    return [...parkedEvents.values()];
  }

  /** The parked state after the batch is written. */
  after(position: number): ParkedStreams {
    const discarded = new Map([...this.#discarded].filter(([at]) => at > position));
    const named = ([name, key]: [string, string]): [string, string] => [name, this.#keys.of(key)];
    const streams = new Map([...this.#streams].map(named));
    const rows = new Map([...this.#rows].map(named));
    return { streams, rows, since: this.#keys.since, discarded };
  }

  keys(): readonly string[] {
    return [...this.#keys.since.keys()];
  }

  /** The key that a row waits for; undefined if the row lacks no event. */
  ownerOf(row: string): string | undefined {
    return this.#named(this.#rows.get(row));
  }

  /** True if the whole event was discarded. */
  skips({ position }: RecordedEvent): boolean {
    return this.#discarded.get(position) === 'all';
  }

  /** True if the event's change of this row was discarded. */
  isDiscarded(position: number, row: string): boolean {
    const discarded = this.#discarded.get(position);
    return discarded !== undefined && (discarded === 'all' || discarded.has(row));
  }

  /**
   * Parks the whole event if it is poison or its stream is parked. Undefined if it must be applied.
   * @throws {TooManyDeadLettersError}
   */
  parkedEventFor(event: RecordedEvent): ParkedEvent | undefined {
    const poison = this.#poison.get(event.position);
    const stream = streamName(event);
    let key = this.#named(this.#streams.get(stream));
    if (key === undefined) {
      if (!poison) return undefined;
      key = this.#open(stream, event.position);
    }
    const parkedEvent: ParkedEvent = {
      event,
      key,
      partial: false,
      rows: new Map(),
      rowsKnown: !poison?.isOpaque,
      error: poison?.message ?? null,
    };
    this.#parkedEvents.push(parkedEvent);
    return parkedEvent;
  }

  /** The handler of a parked event has failed: it is unknown which rows the event would change. */
  rowsAreUnknown(parkedEvent: ParkedEvent): void {
    this.#opaque.add(parkedEvent);
  }

  /**
   * Parks the changes that an event of another stream makes to a key's rows.
   * @throws {FullBatchError} if the batch has parked too much already.
   */
  addPartial(event: RecordedEvent, key: string): void {
    const name = `${event.position} ${key}`;
    // The whole event waits under this key already.
    if (this.#named(this.#streams.get(streamName(event))) === key || this.#partial.has(name)) return;
    this.#firstPartial ??= event.position;
    if (this.#partial.size >= MAX_PARKED && event.position > this.#firstPartial) throw new FullBatchError();
    this.#partial.add(name);
    this.#parkedEvents.push({ event, key, partial: true, rows: new Map(), rowsKnown: true, error: null });
  }

  /**
   * From a parked event on, a row lacks all later changes. If the row belongs to another key, the two keys become one.
   */
  take(parkedEvent: ParkedEvent, { text, key, row }: WorkingRow): void {
    const owner = this.#rows.get(text);
    if (owner !== undefined) {
      this.#keys.merge(parkedEvent.key, owner);
      return;
    }
    this.#rows.set(text, parkedEvent.key);
    parkedEvent.rows.set(text, key);
    if (row) this.#stale.push({ key, text, since: parkedEvent.event.position });
  }

  #open(stream: string, position: number): string {
    const key = this.#keys.of(stream);
    if (!this.#keys.has(key)) {
      if (this.#keys.size >= this.#limit) throw new TooManyDeadLettersError(position, this.#limit);
      this.#keys.add(key, position);
    }
    this.#streams.set(stream, key);
    return key;
  }

  #named(key: string | undefined): string | undefined {
    return key === undefined ? undefined : this.#keys.of(key);
  }
}

function combined(one: ParkedEvent, other: ParkedEvent): ParkedEvent {
  return {
    ...one,
    partial: one.partial && other.partial,
    rows: new Map([...one.rows, ...other.rows]),
    rowsKnown: one.rowsKnown && other.rowsKnown,
    error: one.error ?? other.error,
  };
}
