import { approximateBytes } from '../../bytes.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { isLongColumn, type KeptIn, storedColumns } from '../../define/read-model/read-table.ts';

type ReadonlyRow = Readonly<Record<string, unknown>>;

/** A version that has ended, and its place in the primary key of the history table. */
export interface Ended {
  readonly row: ReadonlyRow;
  readonly place: readonly [validUntilMs: number, fromPosition: number];
}

/** The part of a working row that {@link LongValues} reads and changes. */
interface Version {
  readonly row: ReadonlyRow | undefined;
  keptIn: KeptIn | null;
  ended: Ended | undefined;
}

/** Shorter values are repeated with each version: a reference would take about as much space. */
const LONG_BYTES = 200;

const known = new WeakMap<object, LongValues>();

/**
 * Tracks which values of a row's current version former versions already have. Values count as the same if they are
 * equal texts or the same object, as in a row that a handler made with `{ ...row, … }`. An equal object that a handler
 * created again is stored again: this costs space and is never wrong.
 */
export class LongValues {
  readonly #columns: readonly (readonly [property: string, name: string])[];

  private constructor({ table, key }: Pick<Projection, 'table' | 'key'>) {
    const keys = key.map(({ property }) => property);
    this.#columns = Object.entries(storedColumns(table))
      .filter(([property, column]) => isLongColumn(column) && !keys.includes(property))
      .map(([property, column]) => [property, column.name]);
  }

  /** For a projection's table. */
  static of(projection: Pick<Projection, 'table' | 'key'>): LongValues {
    let values = known.get(projection.table);
    if (!values) {
      values = new LongValues(projection);
      known.set(projection.table, values);
    }
    return values;
  }

  /** A version's own values: those that former versions have are null. */
  without(row: ReadonlyRow, keptIn: KeptIn | null): ReadonlyRow {
    if (!keptIn) return row;
    const own = { ...row };
    for (const [property, name] of this.#columns) if (name in keptIn) own[property] = null;
    return own;
  }

  /** Computes `keptIn` for a version that has ended. */
  settle(version: Version): void {
    const { row, ended, keptIn: before } = version;
    if (!ended || !row) return;
    let keptIn: Record<string, KeptIn[string]> | null = null;
    for (const [property, name] of this.#columns) {
      const value = row[property];
      if (value !== ended.row[property] || !isLong(value)) continue;
      keptIn ??= {};
      keptIn[name] = before?.[name] ?? ended.place;
    }
    version.keptIn = keptIn;
    version.ended = undefined;
  }
}

/** For JSON, `approximateBytes` is about three times what Postgres stores. */
function isLong(value: unknown): boolean {
  if (typeof value === 'string') return value.length >= LONG_BYTES;
  return typeof value === 'object' && value !== null && approximateBytes(value) >= 3 * LONG_BYTES;
}
