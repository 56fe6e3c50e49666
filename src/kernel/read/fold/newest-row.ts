import { type SQL, sql } from 'drizzle-orm';
import type { Projection } from '../../define/read-model/projection.ts';

/**
 * Maximum number of rows that are looked up starting with their newest version. A larger batch is a replay: it seldom
 * returns to a row, and one search for all of its keys is faster than one for each.
 */
export const MAX_NEWEST_FIRST = 100;

/**
 * A lateral subquery that finds the row with the same key as a row of another relation, starting with its newest
 * version.
 *
 * While a session holds a snapshot (a dump, a forgotten `BEGIN`), an index leads to all versions of a row since then,
 * oldest first: after 5,000 updates, each lookup visits 5,000 of them. `k >= x AND k <= x ORDER BY k DESC` means `k =
 * x`, read backwards. With `=`, Postgres knows that the order makes no difference, and ignores it.
 *
 * @param select what it returns of the row, which has the alias `t`.
 * @param other the other relation, which has columns of the same names.
 */
export function newestRow({ table, key }: Pick<Projection, 'table' | 'key'>, select: SQL, other: string): SQL {
  const own = key.map(({ column }) => sql`t.${sql.identifier(column.name)}`);
  const wanted = key.map(({ column }) => sql`${sql.identifier(other)}.${sql.identifier(column.name)}`);
  const last = key.length - 1;
  const isSame = own.slice(0, last).map((column, nth) => sql`${column} = ${wanted[nth]} and `);
  return sql`lateral (
    select ${select} from ${table} t
    where ${sql.join(isSame, sql``)}${own[last]} >= ${wanted[last]} and ${own[last]} <= ${wanted[last]}
    order by ${own[last]} desc limit 1
  )`;
}
