import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { ChangedRows, FormerRows } from '../../../kernel/notify/changed-rows.ts';
import type { Fingerprints } from '../../../kernel/notify/fingerprints.ts';
import { MAX_FORMER_ROWS } from '../../../kernel/notify/notification-buffer.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { RightsIndex } from '../../live/rights-index.ts';
import type { ReadModels } from '../../read/read-models.ts';

/** Most changed rows that are looked up together. If there are more, they concern every list. */
const MAX_LOOKED_UP = 1000;
/** Minimum time between two lookups, in ms: changes in between are looked up together. */
const LOOKUP_EVERY_MS = 10;

/** Values of which every row of a list has one: see `valuesOfList`. */
export type ListValues = readonly Partial<RowValues>[];

/** Somebody who has read lists. */
interface ListReader {
  concern(): void;
}

export interface WatchedListsOptions {
  /** Undefined for a read model without rows of its own. */
  readonly projection: Projection | undefined;
  readonly readModels: Pick<ReadModels, 'propertiesOf'>;
  /** Undefined if other processes tell nothing of former rows. */
  readonly fingerprints: Fingerprints | undefined;
}

/**
 * Finds the readers of lists whom changed rows concern, by the values of the rows. If this process has changed them, their
 * values are known. Otherwise they are looked up, and the process that has changed them tells fingerprints of those that they
 * had before.
 */
export class WatchedLists {
  readonly #projection: Projection | undefined;
  readonly #readModels: Pick<ReadModels, 'propertiesOf'>;
  readonly #fingerprints: Fingerprints | undefined;
  /** Readers of pages, whom a row concerns if it may be in the list now. Rows that a page shows are watched by key. */
  readonly #pages = new RightsIndex<ListReader>();
  /** Readers of numbers of rows, whom a row concerns if it may be in the list now or may have been in it before. */
  readonly #counts = new RightsIndex<ListReader>();
  /** The same readers of numbers, by fingerprints of the values. */
  readonly #countsByFingerprints = new RightsIndex<ListReader>();
  /** Number of lists of each reader, by kind. */
  readonly #pagesOf = new Map<ListReader, number>();
  readonly #countsOf = new Map<ListReader, number>();
  /**
   * Changed rows that have not been looked up yet, and whether they may concern numbers of rows; null if there are too
   * many.
   */
  #changed: Map<string, boolean> | null | undefined;
  /** Readers of numbers in which changed rows were that have not been looked up yet. */
  readonly #left = new Set<ListReader>();
  #isLookingUp = false;
  #isReading = false;

  constructor({ projection, readModels, fingerprints }: WatchedListsOptions) {
    this.#projection = projection;
    this.#readModels = readModels;
    this.#fingerprints = fingerprints;
  }

  /** True while changed rows are being looked up, until everybody whom they concern is told. */
  get isUncertain(): boolean {
    return this.#changed !== undefined || this.#isReading;
  }

  addPage(values: ListValues, reader: ListReader): void {
    this.#pages.add(values, reader);
    count(this.#pagesOf, reader, 1);
  }

  removePage(values: ListValues, reader: ListReader): void {
    this.#pages.remove(values, reader);
    count(this.#pagesOf, reader, -1);
  }

  addCount(values: ListValues, reader: ListReader): void {
    this.#counts.add(values, reader);
    this.#countsByFingerprints.add(this.#fingerprintsOf(values), reader);
    count(this.#countsOf, reader, 1);
  }

  removeCount(values: ListValues, reader: ListReader): void {
    this.#counts.remove(values, reader);
    this.#countsByFingerprints.remove(this.#fingerprintsOf(values), reader);
    count(this.#countsOf, reader, -1);
  }

  /**
   * @param rows undefined if this process has not changed them.
   * @param told fingerprints of what the rows were before; undefined if it is unknown.
   */
  changed(keys: ReadonlySet<string>, rows: ChangedRows | undefined, told: FormerRows | undefined): void {
    if (this.#pagesOf.size === 0 && this.#countsOf.size === 0) return;
    if (rows && this.#concernBy(rows)) return;
    const former = told ?? (rows && this.#formerOf(rows));
    const isKnown = former !== undefined && this.#knowsDecisive(former);
    // Which lists had the rows before cannot be looked up any more.
    if (!isKnown) for (const reader of this.#countsOf.keys()) reader.concern();
    // Concerned together with the lists that have the rows now: a change is to lead to one execution.
    else for (const reader of readersOf(this.#countsByFingerprints, former.rows)) this.#left.add(reader);
    if (isKnown || this.#pagesOf.size > 0) this.#lookUp(keys, isKnown);
  }

  #fingerprintsOf(values: ListValues): ListValues {
    const [fingerprints, projection] = [this.#fingerprints, this.#projection];
    if (!fingerprints || !projection) return [];
    const of = ([property, value]: [string, unknown]) => [property, fingerprints.of(projection, property, value)];
    return values.map((required) => Object.fromEntries(Object.entries(required).map(of)));
  }

  /** The former rows in the form in which other processes send them; undefined if readers could not use them. */
  #formerOf({ before }: ChangedRows): FormerRows | undefined {
    const decisive = this.#counts.properties;
    const rows = [...before.values()];
    if (rows.length > MAX_FORMER_ROWS || rows.some((row) => decisive.some((property) => row[property] === undefined))) {
      return undefined;
    }
    return this.#projection && this.#fingerprints?.ofRows(this.#projection, rows);
  }

  /** True if the values are there that decide which lists counted the rows. */
  #knowsDecisive({ keyId, rows }: FormerRows): boolean {
    if (keyId !== this.#fingerprints?.keyId) return false;
    const decisive = this.#counts.properties;
    return rows.every((row) => decisive.every((property) => row[property] !== undefined));
  }

  /** @returns false if the values that decide are not all known. */
  #concernBy({ before, after }: ChangedRows): boolean {
    const decisive = [...this.#pages.properties, ...this.#counts.properties];
    const [former, present] = [[...before.values()], [...after.values()].map(({ row }) => row)];
    if ([...former, ...present].some((row) => decisive.some((property) => row[property] === undefined))) return false;
    const concerned = new Set([
      ...readersOf(this.#pages, present.map(this.#asStored)),
      ...readersOf(this.#counts, [...former, ...present].map(this.#asStored)),
    ]);
    for (const reader of concerned) reader.concern();
    return true;
  }

  /** A row with its UUIDs in the form in which Postgres returns them. */
  readonly #asStored = (row: RowValues): RowValues => {
    const columns = this.#projection?.table as unknown as Readonly<Record<string, PgColumn>> | undefined;
    const stored = { ...row };
    for (const property of [...this.#pages.properties, ...this.#counts.properties]) {
      const value = row[property];
      if (typeof value !== 'string' || columns?.[property]?.getSQLType() !== 'uuid') continue;
      stored[property] = value.toLowerCase();
    }
    return stored;
  };

  #lookUp(keys: ReadonlySet<string>, forCounts: boolean): void {
    if (this.#changed === undefined) this.#changed = new Map();
    for (const key of keys) this.#changed?.set(key, forCounts || this.#changed.get(key) === true);
    if (this.#changed && this.#changed.size > MAX_LOOKED_UP) this.#changed = null;
    if (this.#isLookingUp) return;
    this.#isLookingUp = true;
    // Let the projector finish its turn first: everything that it changes in this turn is looked up together.
    setImmediate(() => void this.#lookUpAll());
  }

  async #lookUpAll(): Promise<void> {
    for (let keys = this.#take(); keys !== undefined; keys = this.#take()) {
      const left = this.#takeLeft();
      // Nobody's list is current before its reader is told that it is not.
      this.#isReading = true;
      const rows = keys && (await this.#rowsOf(keys));
      const concerned = rows && keys ? this.#concernedBy(rows, keys) : this.#everybody;
      for (const reader of new Set([...left, ...concerned])) reader.concern();
      this.#isReading = false;
      if (rows) await pause(LOOKUP_EVERY_MS, undefined, { keepsProcess: false });
    }
    this.#isLookingUp = false;
  }

  #take(): ReadonlyMap<string, boolean> | null | undefined {
    const changed = this.#pagesOf.size === 0 && this.#countsOf.size === 0 ? undefined : this.#changed;
    this.#changed = undefined;
    return changed;
  }

  /** @param rows as they are now, by key. */
  #concernedBy(rows: ReadonlyMap<string, RowValues>, keys: ReadonlyMap<string, boolean>): Iterable<ListReader> {
    const counted = [...rows].filter(([key]) => keys.get(key) !== false).map(([, row]) => row);
    return new Set([...readersOf(this.#pages, rows.values()), ...readersOf(this.#counts, counted)]);
  }

  /** The readers of numbers in which rows were that are being looked up. */
  #takeLeft(): Iterable<ListReader> {
    const left = [...this.#left];
    this.#left.clear();
    return left;
  }

  get #everybody(): Iterable<ListReader> {
    return new Set([...this.#pagesOf.keys(), ...this.#countsOf.keys()]);
  }

  /** @returns the values of the rows that decide which lists they are in; null if that cannot be found out now. */
  async #rowsOf(keys: ReadonlyMap<string, boolean>): Promise<ReadonlyMap<string, RowValues> | null> {
    // A key of several columns is not looked up.
    if (!this.#projection || this.#projection.key.length > 1) return null;
    const decisive = [...new Set([...this.#pages.properties, ...this.#counts.properties])];
    try {
      return await this.#readModels.propertiesOf(this.#projection, decisive, [...keys.keys()]);
    } catch {
      // The lists are executed, and report the fault if it is still there.
      return null;
    }
  }
}

function readersOf(index: RightsIndex<ListReader>, rows: Iterable<RowValues>): ReadonlySet<ListReader> {
  const found = new Set<ListReader>();
  for (const row of rows) for (const reader of index.candidates(row)) found.add(reader);
  return found;
}

function count(counts: Map<ListReader, number>, reader: ListReader, more: number): void {
  const now = (counts.get(reader) ?? 0) + more;
  if (now > 0) counts.set(reader, now);
  else counts.delete(reader);
}
