import type { Positions } from '../../kernel/consistency/positions.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { ProjectionMoved } from '../../kernel/notify/hub.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import { pause } from '../../scheduling/sleeper.ts';
import { RightsIndex } from '../live/rights-index.ts';
import type { ReadModels } from '../read/read-models.ts';

/** Most changed rows that are looked up together. If there are more, they concern every list. */
const MAX_LOOKED_UP = 1000;
/** Minimum time between two lookups, in ms: changes in between are looked up together. */
const LOOK_MS = 10;

/** Somebody who has read something of a read model. */
export interface Reader {
  /** Something that it has read may have changed. It must not throw. */
  concern(): void;
  /** Rows have changed while it reads pages. It must not throw. */
  changed(projection: string, keys: ReadonlySet<string>): void;
}

export interface WatchedModelOptions {
  readonly positions: Pick<Positions, 'retreats' | 'hasParked'>;
  readonly readModels: Pick<ReadModels, 'propertiesOf'>;
  /** Undefined for a read model without rows of its own. */
  readonly projection: Projection | undefined;
  /** Called when the last reader has released it. */
  readonly onUnused: () => void;
}

/** The readers of one read model: of rows by their keys, of lists by the values that their rows have, and of everything. */
export class WatchedModel {
  readonly #name: string;
  readonly #options: WatchedModelOptions;
  readonly #readers = new Set<Reader>();
  readonly #ofAll = new Set<Reader>();
  readonly #ofKeys = new Map<string, Set<Reader>>();
  /** Readers who are reading pages of lists now. */
  readonly #reading = new Set<Reader>();
  readonly #ofLists = new RightsIndex<Reader>();
  /** How many lists each reader has. */
  readonly #lists = new Map<Reader, number>();
  /** Changed rows that have not been looked up yet; null if too many. */
  #changed: Set<string> | null | undefined;
  #isLooking = false;
  #isReading = false;
  #retreats: number;
  #hasParked: boolean;

  constructor(name: string, options: WatchedModelOptions) {
    this.#name = name;
    this.#options = options;
    this.#retreats = options.positions.retreats;
    this.#hasParked = options.positions.hasParked(name);
  }

  /** True while changed rows are being looked up. */
  get isUncertain(): boolean {
    return this.#changed !== undefined || this.#isReading;
  }

  use(reader: Reader): void {
    this.#readers.add(reader);
  }

  release(reader: Reader): void {
    if (this.#readers.delete(reader) && this.#readers.size === 0) this.#options.onUnused();
  }

  addAll(reader: Reader): void {
    this.#ofAll.add(reader);
  }

  removeAll(reader: Reader): void {
    this.#ofAll.delete(reader);
  }

  beginReading(reader: Reader): void {
    this.#reading.add(reader);
  }

  endReading(reader: Reader): void {
    this.#reading.delete(reader);
  }

  addKey(key: string, reader: Reader): void {
    const others = this.#ofKeys.get(key);
    if (others) others.add(reader);
    else this.#ofKeys.set(key, new Set([reader]));
  }

  removeKey(key: string, reader: Reader): void {
    const others = this.#ofKeys.get(key);
    others?.delete(reader);
    if (others?.size === 0) this.#ofKeys.delete(key);
  }

  addList(values: readonly Partial<RowValues>[], reader: Reader): void {
    this.#ofLists.add(values, reader);
    this.#lists.set(reader, (this.#lists.get(reader) ?? 0) + 1);
  }

  removeList(values: readonly Partial<RowValues>[], reader: Reader): void {
    this.#ofLists.remove(values, reader);
    const left = (this.#lists.get(reader) ?? 0) - 1;
    if (left > 0) this.#lists.set(reader, left);
    else this.#lists.delete(reader);
  }

  moved({ keys }: ProjectionMoved): void {
    // After a retreat, rows have changed that no message names. A row, or its absence, may be stale from now on.
    const hasRetreated = this.#hasRetreated();
    const isUnknown = this.#parkedChanged() || hasRetreated || keys === null;
    if (isUnknown) {
      for (const reader of this.#readers) reader.concern();
      return;
    }
    if (keys.size === 0) return;
    for (const reader of this.#ofAll) reader.concern();
    for (const reader of this.#reading) reader.changed(this.#name, keys);
    if (keys.size <= this.#ofKeys.size) {
      for (const key of keys) for (const reader of this.#ofKeys.get(key) ?? []) reader.concern();
    } else {
      for (const [key, readers] of this.#ofKeys) if (keys.has(key)) for (const reader of readers) reader.concern();
    }
    if (this.#lists.size > 0) this.#lookUp(keys);
  }

  #lookUp(keys: ReadonlySet<string>): void {
    if (this.#changed === undefined) this.#changed = new Set(keys);
    else for (const key of keys) this.#changed?.add(key);
    if (this.#changed && this.#changed.size > MAX_LOOKED_UP) this.#changed = null;
    if (this.#isLooking) return;
    this.#isLooking = true;
    // Let the projector finish its turn first: everything that it changes in this turn is looked up together.
    setImmediate(() => void this.#look());
  }

  /** Finds the lists that changed rows are in now. Those that they were in before have shown them, and know their keys. */
  async #look(): Promise<void> {
    for (let keys = this.#take(); keys !== undefined; keys = this.#take()) {
      const rows = keys && (await this.#rowsOf(keys));
      for (const reader of rows ? this.#listsWith(rows) : [...this.#lists.keys()]) reader.concern();
      if (rows) await pause(LOOK_MS, undefined, { keepsProcess: false });
    }
    this.#isLooking = false;
  }

  #take(): ReadonlySet<string> | null | undefined {
    const changed = this.#lists.size === 0 ? undefined : this.#changed;
    this.#changed = undefined;
    return changed;
  }

  /** @returns the values of the rows that decide which lists they are in; null if that cannot be found out now. */
  async #rowsOf(keys: ReadonlySet<string>): Promise<Iterable<RowValues> | null> {
    const { projection, readModels } = this.#options;
    if (!projection) return null;
    this.#isReading = true;
    try {
      return (await readModels.propertiesOf(projection, this.#ofLists.properties, [...keys])).values();
    } catch {
      // The lists are executed, and report the fault if it is still there.
      return null;
    } finally {
      this.#isReading = false;
    }
  }

  #listsWith(rows: Iterable<RowValues>): ReadonlySet<Reader> {
    const found = new Set<Reader>();
    for (const row of rows) for (const reader of this.#ofLists.candidates(row)) found.add(reader);
    return found;
  }

  #hasRetreated(): boolean {
    const { retreats } = this.#options.positions;
    const has = retreats !== this.#retreats;
    this.#retreats = retreats;
    return has;
  }

  #parkedChanged(): boolean {
    const hasParked = this.#options.positions.hasParked(this.#name);
    const has = hasParked !== this.#hasParked;
    this.#hasParked = hasParked;
    return has;
  }
}
