import { approximateBytes } from '../../bytes.ts';
import type { Projection } from '../../define/projection.ts';
import { isLongColumn, type KeptIn, storedColumns } from '../../define/read-table.ts';

type Row = Readonly<Record<string, unknown>>;

/** A version that has ended, and its place in the primary key of the history table. */
export interface Ended {
  readonly row: Row;
  readonly place: readonly [heldUntilMs: number, fromPosition: number];
}

/** What {@link LongValues} reads and changes of a row that is being folded. */
interface Version {
  readonly row: Row | undefined;
  keptIn: KeptIn | null;
  ended: Ended | undefined;
}

/** A shorter value is repeated with each version: saying where it is would take about as much. */
const LONG_BYTES = 200;

const known = new WeakMap<object, LongValues>();

/**
 * Which values of a row's present version former versions hold already. Values count as the same if they are equal texts or
 * the same object, as in a row that a handler made with `{ ...row, … }`. So an equal object that a handler made again is stored
 * again: that costs room and is never wrong.
 */
export class LongValues {
  readonly #columns: readonly (readonly [property: string, name: string])[];

  private constructor({ table, key }: Pick<Projection, 'table' | 'key'>) {
    const keys = key.map(({ property }) => property);
    this.#columns = Object.entries(storedColumns(table))
      .filter(([property, column]) => isLongColumn(column) && !keys.includes(property))
      .map(([property, column]) => [property, column.name]);
  }

  /** Those of a projection's table. */
  static of(projection: Pick<Projection, 'table' | 'key'>): LongValues {
    let values = known.get(projection.table);
    if (!values) {
      values = new LongValues(projection);
      known.set(projection.table, values);
    }
    return values;
  }

  /** A version's own values: those that former versions hold are null. */
  without(row: Row, keptIn: KeptIn | null): Row {
    if (!keptIn) return row;
    const own = { ...row };
    for (const [property, name] of this.#columns) if (name in keptIn) own[property] = null;
    return own;
  }

  /** Works out `keptIn` for a version that no event changes any more. */
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

/** Of JSON `approximateBytes` says about three times what Postgres stores. */
function isLong(value: unknown): boolean {
  if (typeof value === 'string') return value.length >= LONG_BYTES;
  return typeof value === 'object' && value !== null && approximateBytes(value) >= 3 * LONG_BYTES;
}
