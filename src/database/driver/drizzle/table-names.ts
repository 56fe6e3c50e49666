import { getTableColumns } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';

/*
 * Drizzle has no way to give a table another name than the one that it was declared with, nor to declare a table with the
 * columns of another one: tables are made from column builders, which a finished table no longer has.
 *
 * https://github.com/drizzle-team/drizzle-orm/issues/5696
 */

/** Drizzle stores a table's names and columns under these symbols; its declarations omit them. */
const NAMES = [Symbol.for('drizzle:Name'), Symbol.for('drizzle:OriginalName'), Symbol.for('drizzle:BaseName')];
const COLUMNS = Symbol.for('drizzle:Columns');

/** Gives a table another name: from now on, all queries that use the table use this name. It works once for a table. */
export function rename(table: PgTable, name: string): void {
  for (const symbol of NAMES) Object.defineProperty(table, symbol, { value: name });
}

/** A copy of a table with another name. Drizzle makes its own aliases this way too, but they cannot be written to. */
export function renamed<Table extends PgTable>(table: Table, name: string): Table {
  const copy: Table = Object.create(table);
  const columns = Object.fromEntries(
    Object.entries(getTableColumns(table)).map(([property, column]) => [
      property,
      Object.create(column, { table: { value: copy } }),
    ]),
  );
  for (const symbol of NAMES) Object.defineProperty(copy, symbol, { value: name, configurable: true });
  Object.defineProperty(copy, COLUMNS, { value: columns });
  for (const [property, column] of Object.entries(columns)) Object.defineProperty(copy, property, { value: column });
  return copy;
}
