import type { PgTable } from 'drizzle-orm/pg-core';
import { approximateBytes } from '../../bytes.ts';
import type { RecordedEvent } from '../../define/event.ts';
import type { Change, Key, Projection } from '../../define/read-model/projection.ts';
import type { KeptIn } from '../../define/read-model/read-table.ts';
import { refuseOtherColumns } from '../../define/read-model/row-columns.ts';
import { type Ended, LongValues } from './long-values.ts';

/** Memory of a row besides its values, in bytes: its state, its key, and its place in a map. */
const ROW_BYTES = 200;

export type RowValues = Record<string, unknown>;
type FoldedProjection = Pick<Projection, 'key' | 'history' | 'table'>;

/** A stored row: the part that handlers see, and the engine's part. */
export interface RowWithMeta {
  readonly row: RowValues;
  /** Position of the last event that has been applied to it. */
  readonly lastPosition: number;
  /** Position of the first event that it lacks; null if it lacks none. */
  readonly staleSince: number | null;
  /** When this version began, if history is kept; null if that is not known. */
  readonly validFrom: Date | null;
  /** If history is kept: which former versions store the long values of the row. Null if there are none. */
  readonly keptIn: KeptIn | null;
}

/** The result of folding, to be written. */
export interface Writes {
  /** By the texts of their keys. */
  readonly upserts: ReadonlyMap<string, RowWithMeta>;
  readonly removals: readonly Key[];
  /** The rows that changed as they were read, by the texts of their keys. */
  readonly before: ReadonlyMap<string, RowValues>;
  /** Versions that have ended, if history is kept. Includes those that began within the batch. */
  readonly former: readonly RowValues[];
  /** Texts of the keys of all rows that changed. */
  readonly keys: ReadonlySet<string>;
}

/** The result of a batch that changes nothing. */
export const NO_WRITES: Writes = {
  upserts: new Map(),
  removals: [],
  before: new Map(),
  former: [],
  keys: new Set(),
};

/** A row that changed. */
export interface RowChange extends Pick<WorkingRow, 'text' | 'key' | 'read'> {
  /** Undefined if it was removed. */
  readonly stored: RowWithMeta | undefined;
}

/** A row during a fold. */
export interface WorkingRow {
  readonly key: Key;
  readonly text: string;
  row: RowValues | undefined;
  /** Position of the last event that was applied to it before it was read or written. */
  before: number;
  /** Position of the last event applied to it. */
  position: number;
  changed: boolean;
  /** When this version began, if history is kept; null if that is not known. */
  validFrom: Date | null;
  /** The former versions that have long values of the version before `ended`, or of the row if `ended` is undefined. */
  keptIn: KeptIn | null;
  /** The version before the current one, as long as the row may still change with the same event. */
  ended: Ended | undefined;
  /** The row as it was read or written. */
  read: RowValues | undefined;
  /** Its memory when it was measured last, in bytes. */
  bytes: number;
}

/** The text of a key: the value itself, or for several columns their JSON. Subscriptions use it as the row's key. */
export function keyText(key: Key): string {
  return typeof key === 'object' ? JSON.stringify(key) : String(key);
}

/**
 * Rows in memory, to which changes are applied one after the other. An event at or before a row's own position has
 * already been applied to it and changes nothing.
 */
export class WorkingRows {
  readonly #table: PgTable;
  readonly #properties: readonly string[];
  readonly #workingRows = new Map<string, WorkingRow>();
  /** Undefined if no history is kept. */
  readonly #longValues: LongValues | undefined;
  #former: RowValues[] = [];
  /** Rows that were added or changed since they were measured. */
  readonly #unmeasured = new Set<WorkingRow>();
  /** The memory of the rows that are measured, in bytes. */
  #bytes = 0;
  /** The same of the first of the former versions. */
  #formerBytes = { of: 0, bytes: 0 };
  #changedRows = 0;
  readonly #keepsRead: boolean;

  /** @param keepsRead false if nobody asks how rows were when they were read, which takes memory. */
  constructor(projection: FoldedProjection, present: readonly RowWithMeta[], keepsRead = true) {
    this.#keepsRead = keepsRead;
    this.#table = projection.table;
    this.#properties = projection.key.map(({ property }) => property);
    if (projection.history) this.#longValues = LongValues.of(projection);
    this.add(present);
  }

  /** Number of rows, including those that are known not to exist. */
  get size(): number {
    return this.#workingRows.size;
  }

  /** Number of rows that have changed and of versions that have ended, as long as they are not written. */
  get unwritten(): number {
    return this.#changedRows + this.#former.length;
  }

  /** Approximate memory of the rows, as they were read and as they are, and of the former versions, in bytes. */
  measure(): number {
    for (const workingRow of this.#unmeasured) {
      const { row, read } = workingRow;
      const bytes = ROW_BYTES + approximateBytes(row) + (read && read !== row ? approximateBytes(read) : 0);
      this.#bytes += bytes - workingRow.bytes;
      workingRow.bytes = bytes;
    }
    this.#unmeasured.clear();
    const measured = this.#formerBytes;
    for (; measured.of < this.#former.length; measured.of++)
      measured.bytes += ROW_BYTES + approximateBytes(this.#former[measured.of]);
    return this.#bytes + measured.bytes;
  }

  /** True if it is known whether the row with this key exists, and what it contains. */
  has(text: string): boolean {
    return this.#workingRows.has(text);
  }

  /** Adds stored rows. A row that is here already may have changed since it was stored, and stays as it is. */
  add(present: readonly RowWithMeta[]): void {
    for (const { row, lastPosition: before, validFrom, keptIn } of present) {
      const key = this.#keyOf(row);
      const text = keyText(key);
      if (this.#workingRows.has(text)) continue;
      const workingRow = { key, text, row, before, position: before, changed: false, validFrom, keptIn };
      this.#set({ ...workingRow, ended: undefined, read: this.#keepsRead ? row : undefined, bytes: 0 });
    }
  }

  /** What has changed, row by row. Each row counts as written from then on; those that do not exist are forgotten. */
  *takeChanges(): Generator<RowChange> {
    for (const [text, workingRow] of this.#workingRows) {
      const { row, key, changed, position } = workingRow;
      if (changed) {
        yield { text, key, read: workingRow.read, stored: row && this.#stored(workingRow, null) };
        const read = this.#keepsRead ? row : undefined;
        Object.assign(workingRow, { before: position, read, changed: false, ended: undefined });
        this.#unmeasured.add(workingRow);
      }
      if (row) continue;
      this.#workingRows.delete(text);
      this.#unmeasured.delete(workingRow);
      this.#bytes -= workingRow.bytes;
    }
    this.#changedRows = 0;
  }

  /** The versions that have ended. They count as written from then on. */
  takeFormer(): readonly RowValues[] {
    const former = this.#former;
    this.#former = [];
    this.#formerBytes = { of: 0, bytes: 0 };
    return former;
  }

  /** The row with a key, whether it exists or not. */
  of(key: Key): WorkingRow {
    const text = keyText(key);
    let workingRow = this.#workingRows.get(text);
    if (!workingRow) {
      workingRow = {
        ...{ key, text, row: undefined, before: 0, position: 0, changed: false },
        ...{ validFrom: null, keptIn: null, ended: undefined, read: undefined, bytes: 0 },
      };
      this.#set(workingRow);
    }
    return workingRow;
  }

  all(): Iterable<WorkingRow> {
    return this.#workingRows.values();
  }

  /** Applies a change to one of its rows. */
  apply(workingRow: WorkingRow, change: Change, event: Pick<RecordedEvent, 'position' | 'occurredAt'>): void {
    const { row, key } = workingRow;
    const { position } = event;
    // Compared with the position at which the row was read: one event may change a row more than once.
    if (position <= workingRow.before || (!row && change.kind !== 'upsert' && change.kind !== 'put')) return;
    if (this.#longValues) this.#keep(workingRow, event, this.#longValues);
    if (change.kind === 'remove') workingRow.row = undefined;
    else {
      const made = this.#withKey(change.fold(row as RowValues), key);
      refuseOtherColumns(this.#table, made);
      workingRow.row = made;
    }
    workingRow.position = position;
    if (!workingRow.changed) this.#changedRows++;
    workingRow.changed = true;
    this.#unmeasured.add(workingRow);
  }

  /** @param staleSince the first event that a row still lacks. */
  writes(staleSince: number | null = null): Writes {
    const upserts = new Map<string, RowWithMeta>();
    const removals: Key[] = [];
    const keys = new Set<string>();
    const before = new Map<string, RowValues>();
    for (const [text, workingRow] of this.#workingRows) {
      const { row, key, changed, read } = workingRow;
      if (!changed) continue;
      keys.add(text);
      if (read) before.set(text, read);
      if (!row) {
        removals.push(key);
        continue;
      }
      upserts.set(text, this.#stored(workingRow, staleSince));
    }
    return { upserts, removals, before, former: this.#former, keys };
  }

  #set(workingRow: WorkingRow): void {
    this.#workingRows.set(workingRow.text, workingRow);
    this.#unmeasured.add(workingRow);
  }

  #stored(workingRow: WorkingRow, staleSince: number | null): RowWithMeta {
    this.#longValues?.settle(workingRow);
    const { row = {}, position: lastPosition, validFrom, keptIn } = workingRow;
    return { row, lastPosition, staleSince, validFrom, keptIn };
  }

  /** The version that an event ends, and the start of the next one. */
  #keep(
    workingRow: WorkingRow,
    { position, occurredAt }: Pick<RecordedEvent, 'position' | 'occurredAt'>,
    longValues: LongValues,
  ): void {
    const { row, validFrom, position: fromPosition } = workingRow;
    // One event creates one version, however often it changes the row.
    if (workingRow.changed && fromPosition === position) return;
    if (!row) {
      workingRow.validFrom = occurredAt;
      workingRow.keptIn = null;
      workingRow.ended = undefined;
      return;
    }
    const validUntil = validFrom && validFrom > occurredAt ? validFrom : occurredAt;
    longValues.settle(workingRow);
    const { keptIn } = workingRow;
    const own = longValues.without(row, keptIn);
    this.#former.push({
      ...own,
      fromPosition,
      untilPosition: position,
      validFrom: validFrom ?? validUntil,
      validUntil,
      keptIn,
    });
    workingRow.ended = { row, place: [validUntil.getTime(), fromPosition] };
    workingRow.validFrom = validUntil;
  }

  #keyOf(row: RowValues): Key {
    const values = this.#properties.map((property) => row[property] as string | number);
    return values.length === 1 ? (values[0] as string | number) : values;
  }

  /** A row always has the key under which it is stored, whatever a handler returns. */
  #withKey(row: RowValues, key: Key): RowValues {
    const values = typeof key === 'object' ? key : [key];
    if (this.#properties.every((property, index) => row[property] === values[index])) return row;
    return { ...row, ...Object.fromEntries(this.#properties.map((property, index) => [property, values[index]])) };
  }
}

/** True if a row has the value that a change looks for. As in SQL, null does not equal null. */
export function matches(
  { row }: WorkingRow,
  { column, value }: { readonly column: string; readonly value: unknown },
): boolean {
  const own = row?.[column];
  if (own === null || own === undefined) return false;
  return own === value || (own instanceof Date && value instanceof Date && own.getTime() === value.getTime());
}
