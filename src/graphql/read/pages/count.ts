import { and, count, type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import { isOfList, LIST_NUMBER, type ListsBy, listsBy } from './lists-by.ts';

/** Conditions that rows have to fulfil; an undefined one is left out. */
export type Conditions = readonly (SQL | undefined)[];

/** The number of rows that fulfil all conditions. */
export async function countRows(db: Database, projection: Projection, where: Conditions): Promise<number> {
  const [counted] = await db
    .select({ total: count() })
    .from(projection.table)
    .where(and(...where))
    .prepare(`${projection.name}_count`)
    .execute();
  return counted?.total ?? 0;
}

/** The same for each of several lists, in one statement, in the order of their values. */
export async function countRowsOfLists(
  db: Database,
  projection: Projection,
  where: Conditions,
  { column, values }: ListsBy,
): Promise<number[]> {
  const counted = db
    .select({ total: count().as('total') })
    .from(projection.table)
    .where(and(...where, isOfList(column)))
    .as('counted');
  const found = await db
    .select({ nth: LIST_NUMBER, total: counted.total })
    .from(listsBy({ column, values }))
    .crossJoinLateral(counted)
    .orderBy(sql`list.nth`)
    .prepare(`${projection.name}_counts_by_${column.name}`)
    .execute();
  return found.map(({ total }) => total);
}
