import { Column, type SQLWrapper } from 'drizzle-orm';
import { PgDialect, PgTimestamp } from 'drizzle-orm/pg-core';
import { instantFrom } from '../../../text/instants.ts';
import type { Database } from '../../client.ts';

const dialect = new PgDialect();

/** The values of a row as the driver gives them, in the order of the statement. */
type Values = readonly unknown[];

/** Makes a row of values. @param from the place of its first value; 0 by default. */
export type RowMapper = (values: Values, from?: number) => Record<string, unknown>;

/**
 * A statement that every connection prepares once, and whose rows are mapped by us. Drizzle's own mapping looks up the class of
 * every column again for each value, which takes longer than everything else that Drizzle does for a read.
 *
 * https://github.com/drizzle-team/drizzle-orm/pull/5397
 */
export function mapped<Row>(
  db: Database,
  name: string,
  query: SQLWrapper,
  map: (rows: readonly Values[]) => Row[],
): (parameters?: Readonly<Record<string, unknown>>) => Promise<Row[]> {
  // Drizzle only asks whether there is a mapper.
  const statement = db._.session.prepareQuery<{ execute: Row[]; all: unknown; values: unknown }>(
    dialect.sqlToQuery(query.getSQL()),
    undefined,
    name,
    true,
    map as never,
  );
  return (parameters) => statement.execute(parameters);
}

/** Maps the values of these columns to properties. @param prototype of the rows; by default that of plain objects. */
export function rowMapper(columns: Readonly<Record<string, Column>>, prototype?: object): RowMapper {
  const properties = Object.entries(columns).map(([name, column]) => ({ name, decode: decoderOf(column) }));
  return (values, from = 0) => {
    const row: Record<string, unknown> = prototype ? Object.create(prototype) : {};
    for (let nth = 0; nth < properties.length; nth++) {
      const { name, decode } = properties[nth] as (typeof properties)[number];
      const value = values[from + nth];
      row[name] = value === null || decode === undefined ? value : decode(value);
    }
    return row;
  };
}

/** Undefined for a column whose values are as the driver gives them. */
function decoderOf(column: Column): ((value: unknown) => unknown) | undefined {
  if (column instanceof PgTimestamp && column.withTimezone) return (value) => instantFrom(value as string);
  if (column.mapFromDriverValue === Column.prototype.mapFromDriverValue) return undefined;
  return (value) => column.mapFromDriverValue(value);
}
