import type { RecordedEvent } from '../../define/event.ts';
import type { Key } from '../../define/projection.ts';
import type { Slot } from '../fold/working-rows.ts';
import { type Letter, type Parked, streamName } from './parked-streams.ts';
import { type Poison, TooManyDeadLettersError } from './poison.ts';

/** A row that begins to lack events. */
export interface Stale {
  readonly key: Key;
  readonly text: string;
  /** The first event that it lacks. */
  readonly since: number;
}

/** Events put aside together, counted for each key: they are in memory, and go to Postgres in one statement. */
const MAX_LETTERS = 10_000;

/** So much is put aside that the batch has to end before this event. */
class FullBatchError extends Error {
  readonly code = 'FULL_BATCH';

  constructor() {
    super(`More than ${MAX_LETTERS} events would have to be put aside together.`);
    this.name = 'FullBatchError';
  }
}

/**
 * What one batch puts aside. An event at fault parks its stream: that event and all later ones of the stream wait, in order,
 * and so does whatever other streams do to the rows that they would have changed. All rows are folded on their own, so that
 * leaving rows out does nothing to others.
 */
export class Parking {
  readonly #limit: number;
  readonly #poison: ReadonlyMap<number, Poison>;
  readonly #discarded: Parked['discarded'];
  readonly #streams: Map<string, string>;
  readonly #rows: Map<string, string>;
  readonly #since: Map<string, number>;
  readonly #letters: Letter[] = [];
  readonly #partial = new Set<string>();
  #firstPartial: number | undefined;
  readonly #stale: Stale[] = [];
  readonly #merged: { readonly from: string; readonly into: string }[] = [];

  /**
   * @param parked what was parked before.
   * @param poison events that are at fault, by position.
   * @param limit keys that may be parked at one time.
   */
  constructor(parked: Parked, poison: ReadonlyMap<number, Poison>, limit: number) {
    this.#limit = limit;
    this.#poison = poison;
    this.#discarded = parked.discarded;
    this.#streams = new Map(parked.streams);
    this.#rows = new Map(parked.rows);
    this.#since = new Map(parked.since);
  }

  /** True where the batch puts something aside; else it is written like any other. */
  get isNeeded(): boolean {
    return this.#letters.length > 0;
  }

  /** Rows that begin to lack events. */
  get stale(): readonly Stale[] {
    return this.#stale;
  }

  /** Keys that have become one, in the order in which that happened. */
  get merged(): readonly { readonly from: string; readonly into: string }[] {
    return this.#merged;
  }

  /** The events put aside, one for each position and key. */
  get letters(): readonly Letter[] {
    const letters = new Map<string, Letter>();
    for (const letter of this.#letters) {
      const key = this.#nowOf(letter.key);
      const same = letters.get(`${letter.event.position} ${key}`);
      letters.set(`${letter.event.position} ${key}`, same ? combined(same, letter) : { ...letter, key });
    }
    return [...letters.values()];
  }

  /** What is parked once the batch is written. */
  after(position: number): Parked {
    const discarded = new Map([...this.#discarded].filter(([at]) => at > position));
    return { streams: this.#streams, rows: this.#rows, since: this.#since, discarded };
  }

  keys(): readonly string[] {
    return [...this.#since.keys()];
  }

  /** The key that has a row; undefined where it lacks nothing. */
  ownerOf(row: string): string | undefined {
    return this.#rows.get(row);
  }

  /** True where the event was discarded whole. */
  passesOver({ position }: RecordedEvent): boolean {
    return this.#discarded.get(position) === 'all';
  }

  /** True where what the event does to this row was discarded. */
  isDiscarded(position: number, row: string): boolean {
    const discarded = this.#discarded.get(position);
    return discarded !== undefined && (discarded === 'all' || discarded.has(row));
  }

  /**
   * Puts an event aside whole, where it is at fault or its stream is parked; undefined where it is to be applied.
   * @throws {TooManyDeadLettersError}
   */
  letterFor(event: RecordedEvent): Letter | undefined {
    const poison = this.#poison.get(event.position);
    const stream = streamName(event);
    let key = this.#streams.get(stream);
    if (key === undefined) {
      if (!poison) return undefined;
      key = this.#open(stream, event.position);
    }
    const letter: Letter = {
      event,
      key,
      partial: false,
      rows: new Map(),
      rowsKnown: !poison?.isOpaque,
      error: poison?.message ?? null,
    };
    this.#letters.push(letter);
    return letter;
  }

  /**
   * Puts aside what an event of another stream does to a key's rows.
   * @throws {FullBatchError} where the batch has put aside too much before.
   */
  addPartial(event: RecordedEvent, key: string): void {
    const name = `${event.position} ${key}`;
    // Of an event that waits under this key whole, nothing is left to put aside.
    if (this.#streams.get(streamName(event)) === key || this.#partial.has(name)) return;
    this.#firstPartial ??= event.position;
    if (this.#partial.size >= MAX_LETTERS && event.position > this.#firstPartial) throw new FullBatchError();
    this.#partial.add(name);
    this.#letters.push({ event, key, partial: true, rows: new Map(), rowsKnown: true, error: null });
  }

  /** From a letter's event on, a row lacks what happens to it. A row of another key makes the two keys one. */
  take(letter: Letter, { text, key, row }: Slot): void {
    const own = this.#nowOf(letter.key);
    const owner = this.#rows.get(text);
    if (owner === own) return;
    if (owner !== undefined) {
      this.#merge(own, owner);
      return;
    }
    this.#rows.set(text, own);
    letter.rows.set(text, key);
    if (row) this.#stale.push({ key, text, since: letter.event.position });
  }

  #open(stream: string, position: number): string {
    const key = this.#nowOf(stream);
    if (!this.#since.has(key)) {
      if (this.#since.size >= this.#limit) throw new TooManyDeadLettersError(position, this.#limit);
      this.#since.set(key, position);
    }
    this.#streams.set(stream, key);
    return key;
  }

  /** The one that waits for longer gives its name. */
  #merge(one: string, other: string): void {
    const sinceOf = (key: string) => this.#since.get(key) ?? 0;
    const [into, from] = sinceOf(one) <= sinceOf(other) ? [one, other] : [other, one];
    for (const [stream, key] of this.#streams) if (key === from) this.#streams.set(stream, into);
    for (const [row, key] of this.#rows) if (key === from) this.#rows.set(row, into);
    this.#since.delete(from);
    this.#merged.push({ from, into });
  }

  /** What a key is called after what has been merged. */
  #nowOf(key: string): string {
    return this.#merged.reduce((now, { from, into }) => (now === from ? into : now), key);
  }
}

function combined(one: Letter, other: Letter): Letter {
  return {
    ...one,
    partial: one.partial && other.partial,
    rows: new Map([...one.rows, ...other.rows]),
    rowsKnown: one.rowsKnown && other.rowsKnown,
    error: one.error ?? other.error,
  };
}
