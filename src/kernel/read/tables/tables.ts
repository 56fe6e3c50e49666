import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Projection } from '../../define/read-model/projection.ts';

/** The schema of all read models. */
export const READ_SCHEMA = 'read';

/** The tables that a projection fills, in the order in which they are locked. */
export function tablesOf({ table, history }: Pick<Projection, 'table' | 'history'>): readonly PgTable[] {
  return history ? [table, history] : [table];
}

/** Tables as a statement lists them. */
export function listed(tables: readonly PgTable[]): SQL {
  return sql.join(
    tables.map((table) => sql`${table}`),
    sql`, `,
  );
}

/** Drizzle stores a table's names and columns under these symbols; its declarations omit them. */
const NAMES = [Symbol.for('drizzle:Name'), Symbol.for('drizzle:OriginalName'), Symbol.for('drizzle:BaseName')];
const COLUMNS = Symbol.for('drizzle:Columns');

/**
 * A copy of a table with another name. Drizzle makes tables from column builders, which a finished table no longer has;
 * its own aliases are made this way too, but cannot be written to.
 */
export function renamed<Table extends PgTable>(table: Table, name: string): Table {
  const copy: Table = Object.create(table);
  const columns = Object.fromEntries(
    Object.entries(getTableColumns(table)).map(([property, column]) => [
      property,
      Object.create(column, { table: { value: copy } }),
    ]),
  );
  for (const symbol of NAMES) Object.defineProperty(copy, symbol, { value: name });
  Object.defineProperty(copy, COLUMNS, { value: columns });
  for (const [property, column] of Object.entries(columns)) Object.defineProperty(copy, property, { value: column });
  return copy;
}
