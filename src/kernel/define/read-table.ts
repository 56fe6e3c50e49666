import { type BuildExtraConfigColumns, getTableColumns } from 'drizzle-orm';
import {
  bigint,
  type PgColumn,
  type PgColumnBuilderBase,
  type PgTable,
  type PgTableExtraConfigValue,
} from 'drizzle-orm/pg-core';
import { readSchema } from '../../database/schema.ts';

/** Properties of the columns that the engine adds to every read model: no handler sees them. */
export const ENGINE_COLUMNS = ['lastPosition', 'staleSince'] as const;
export type EngineColumn = (typeof ENGINE_COLUMNS)[number];

/** Columns that the engine adds to every read model. */
const engineColumns = {
  /** Position of the last event applied to the row, so that a repeated delivery changes nothing. */
  lastPosition: bigint('last_position', { mode: 'number' }).notNull(),
  /** Position of the first event that the row lacks, because it is parked in dead letters; null where it lacks none. */
  staleSince: bigint('stale_since', { mode: 'number' }),
} satisfies Record<EngineColumn, PgColumnBuilderBase>;

/**
 * A table for a read model, in schema `read`. Its primary key is the projection's key; its instants have millisecond
 * precision (`timestamp('…', { precision: 3, withTimezone: true })`) so that cursors compare exactly in JavaScript.
 * Generated columns (`.generatedAlwaysAs(…)`) are for conditions: no row that is read has them.
 */
export function readTable<Name extends string, Columns extends Record<string, PgColumnBuilderBase>>(
  name: Name,
  columns: Columns,
  extra?: (table: BuildExtraConfigColumns<Name, Columns & typeof engineColumns, 'pg'>) => PgTableExtraConfigValue[],
) {
  return readSchema.table<Name, Columns & typeof engineColumns>(name, { ...columns, ...engineColumns }, extra);
}

/** A row as it is read: without generated columns, with the engine's. */
export type StoredRow<Table extends PgTable> = Pick<
  Table['$inferSelect'],
  keyof Table['$inferSelect'] & keyof Table['$inferInsert']
>;

/** The columns of a row as it is read and written, by property: all but generated ones. */
export function storedColumns(table: PgTable): Record<string, PgColumn> {
  return Object.fromEntries(Object.entries(getTableColumns(table)).filter(([, column]) => !column.generated));
}
