import { type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { arrayLiteral } from '../../../database/column-arrays.ts';

/** Several lists of one table, which one statement reads: the rows where `column` has the first value, the second, … */
export interface ListsBy {
  readonly column: PgColumn;
  readonly values: readonly unknown[];
}

/** The lists as a table `list` with one row for each value, for a lateral join. */
export function listsBy({ column, values }: ListsBy): SQL {
  return sql`unnest(${arrayLiteral(column, values)}::text::${sql.raw(column.getSQLType())}[]) with ordinality as list(value, nth)`;
}

/** The number of the list that a row belongs to, from 1. */
export const LIST_NUMBER = sql`list.nth`.mapWith(Number);

/** The condition that a row belongs to the list of the lateral join. */
export function isOfList(column: PgColumn): SQL {
  return sql`${column} = list.value`;
}
