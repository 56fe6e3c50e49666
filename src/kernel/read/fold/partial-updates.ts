import { type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { ColumnArrays } from '../../../database/column-arrays.ts';
import { approximateBytes } from '../../bytes.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { type EngineColumn, isEngineColumn, isLongColumn } from '../../define/read-model/read-table.ts';
import { MAX_NEWEST_FIRST, newestRow } from './newest-row.ts';
import type { RowValues, RowWithMeta, Writes } from './working-rows.ts';

type Columns = readonly (readonly [property: string, column: PgColumn])[];

/** Rows of one batch in which the same columns changed. */
export interface PartialUpdate {
  /** Identifies the set of columns; part of the name of a prepared statement. */
  readonly id: number;
  readonly columns: Columns;
  readonly arrays: ColumnArrays;
  readonly rows: RowWithMeta[];
}

/**
 * Rows are written as a whole unless they have an unchanged value of about this many bytes. Postgres stores shorter
 * values in the row itself.
 */
const KEPT_BYTES = 2000;
/** Maximum number of sets of columns for which a table has statements. Rows with other sets are written as a whole. */
const MAX_SETS = 16;
/** Maximum number of sets of columns in one statement. */
const MAX_SETS_PER_BATCH = 3;

/**
 * Finds rows that are updated instead of put as a whole. There are two kinds.
 *
 * - Rows with a long value that stays while other columns change: only the changed columns are written. Postgres stores
 *   a long value outside its row, and leaves it there as long as no statement sets its column. A statement that sets it
 *   to an equal value stores it again, recomputes the generated columns that depend on it, and sends all of it over the
 *   connection.
 * - All existing rows of small batches: an update finds them starting with their newest version, see {@link newestRow}.
 *   The `INSERT … ON CONFLICT` that puts other rows cannot do that.
 */
export class PartialUpdates {
  readonly #keys: Columns;
  readonly #others: Columns;
  readonly #long: readonly string[];
  /** All columns. */
  readonly #all: Omit<PartialUpdate, 'rows'>;
  readonly #sets = new Map<string, Omit<PartialUpdate, 'rows'>>();

  constructor(projection: Pick<Projection, 'key'>, columns: Columns) {
    const keys = projection.key.map(({ property }) => property);
    this.#all = setOf(0, columns);
    this.#keys = columns.filter(([property]) => keys.includes(property));
    this.#others = columns.filter(([property]) => !keys.includes(property));
    this.#long = this.#others
      .filter(([property, column]) => isLongColumn(column) && !isEngineColumn(property))
      .map(([property]) => property);
  }

  /** Divides a batch's rows into those that are put as a whole and those that are updated. */
  split({ upserts, before }: Pick<Writes, 'upserts' | 'before'>): {
    readonly whole: readonly RowWithMeta[];
    readonly partial: readonly PartialUpdate[];
  } {
    const isSmall = upserts.size <= MAX_NEWEST_FIRST;
    if (before.size === 0 || (this.#long.length === 0 && !isSmall))
      return { whole: [...upserts.values()], partial: [] };
    const whole: RowWithMeta[] = [];
    const partial = new Map<number, PartialUpdate>();
    for (const [text, stored] of upserts) {
      const was = before.get(text);
      let set = was && this.#keepsLongValue(was, stored.row) ? this.#setOf(was, stored.row) : undefined;
      if (set && !partial.has(set.id) && partial.size >= MAX_SETS_PER_BATCH) set = undefined;
      if (was && isSmall) set ??= this.#all;
      if (!set) {
        whole.push(stored);
        continue;
      }
      const update = partial.get(set.id) ?? { ...set, rows: [] };
      partial.set(update.id, update);
      update.rows.push(stored);
    }
    return { whole, partial: [...partial.values()].sort((one, other) => one.id - other.id) };
  }

  #keepsLongValue(was: RowValues, row: RowValues): boolean {
    return this.#long.some((property) => row[property] === was[property] && isLong(row[property]));
  }

  /** The columns to set; undefined if there are too many different sets. */
  #setOf(was: RowValues, row: RowValues): Omit<PartialUpdate, 'rows'> | undefined {
    const changed = this.#others.filter(([property]) => isEngineColumn(property) || row[property] !== was[property]);
    const name = changed.map(([property]) => property).join();
    let set = this.#sets.get(name);
    if (!set && this.#sets.size < MAX_SETS) {
      set = setOf(this.#sets.size + 1, [...this.#keys, ...changed]);
      this.#sets.set(name, set);
    }
    return set;
  }
}

function setOf(id: number, columns: Columns): Omit<PartialUpdate, 'rows'> {
  const arrays = new ColumnArrays(
    `set${id}`,
    columns.map(([, column]) => column),
  );
  return { id, columns, arrays };
}

/** The part of a statement that writes the changed columns: common table expressions that follow one named `moved`. */
export function partialUpdateStatement(
  { table, key }: Pick<Projection, 'table' | 'key'>,
  updates: readonly PartialUpdate[],
): SQL {
  const parts = updates.map(({ id, columns, arrays }) => {
    const keys = key.map(({ column }) => column.name);
    const changing = columns
      .filter(([, { name }]) => !keys.includes(name))
      .map(([, column]) => sql`${sql.identifier(column.name)} = ${arrays.valueOf('u', column)}`);
    const newest = newestRow({ table, key }, sql`t.ctid as place`, 'u');
    return sql`, ${sql.identifier(`updated_${id}`)} as (
        update ${table} t set ${sql.join(changing, sql`, `)} from ${arrays.as('u')} cross join ${newest} newest
        where exists (select from moved) and t.ctid = newest.place and t.last_position < u.last_position
      )`;
  });
  return sql.join(parts, sql``);
}

/** The parameters of {@link partialUpdateStatement}. */
export function partialUpdateParameters(updates: readonly PartialUpdate[]): Record<string, string> {
  return Object.assign(
    {},
    ...updates.map(({ columns, arrays, rows }) =>
      arrays.parameters(rows, (stored, nth) => columnOf(stored, columns[nth]?.[0] ?? '')),
    ),
  );
}

function columnOf(stored: RowWithMeta, property: string): unknown {
  return isEngineColumn(property) ? stored[property satisfies EngineColumn] : stored.row[property];
}

/** For JSON, `approximateBytes` is about three times what Postgres stores. */
function isLong(value: unknown): boolean {
  if (typeof value === 'string') return value.length >= KEPT_BYTES;
  return typeof value === 'object' && value !== null && approximateBytes(value) >= 3 * KEPT_BYTES;
}
