import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Projection } from '../../define/read-model/projection.ts';
import { isLongColumn } from '../../define/read-model/read-table.ts';

/**
 * The value of a column in a former version, as SQL: its own, or that of the former version that has it. In the second
 * case, it is looked up by primary key; this happens only if the version omits the value.
 *
 * @param alias alias of the history table in the statement.
 */
export function formerValue(
  { history, key }: Pick<Projection, 'history' | 'key'>,
  column: PgColumn,
  alias: string,
): SQL {
  const of = (name: string, { name: columnName }: Pick<PgColumn, 'name'>) =>
    sql`${sql.identifier(name)}.${sql.identifier(columnName)}`;
  const own = of(alias, column);
  if (!history || !isLongColumn(column) || key.some(({ column: { name } }) => name === column.name)) return own;
  const { keptIn, validUntil, fromPosition } = history;
  const place = sql`(${of(alias, keptIn)} -> ${sql.raw(`'${column.name.replaceAll("'", "''")}'`)})`;
  const isSameRow = key.map(({ column }) => sql`${of('holder', column)} = ${of(alias, column)}`);
  // Rounded to milliseconds, as in the table: the computed double may be some microseconds off in distant centuries.
  const until = sql`(to_timestamp((${place} ->> 0)::float8 / 1000))::timestamptz(3)`;
  return sql`case when ${place} is null then ${own} else (
    select ${of('holder', column)} from ${history} holder where ${sql.join(isSameRow, sql` and `)}
      and ${of('holder', validUntil)} = ${until} and ${of('holder', fromPosition)} = (${place} ->> 1)::bigint) end`;
}

/** All columns of complete former versions, by property, without `keptIn`. */
export function formerColumns(projection: Projection, alias: string): Record<string, SQL> {
  if (!projection.history) throw new Error(`Read model ${projection.name} keeps no history.`);
  const { keptIn: _, ...columns } = getTableColumns(projection.history) as Record<string, PgColumn>;
  return Object.fromEntries(
    Object.entries(columns).map(([property, column]) => [
      property,
      formerValue(projection, column, alias).mapWith((value: unknown) =>
        value === null ? null : column.mapFromDriverValue(value as never),
      ),
    ]),
  );
}
