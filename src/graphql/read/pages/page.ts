import { and, type SQL, sql } from 'drizzle-orm';
import { type PgColumn, unionAll } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { mapped, rowMapper } from '../../../database/driver/drizzle/mapped.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { refuseBadCursor } from './cursor.ts';
import { type Cut, cutOf, LIMIT, type PageRequest } from './cut.ts';
import { isOfList, LIST_NUMBER, type ListsBy, listsBy } from './lists-by.ts';
import { type Page, pageOf } from './page-shape.ts';
import { type PageStatement, pageQuery, rowsOf } from './page-statement.ts';
import { readWholeList } from './whole-list.ts';

/**
 * A page by keyset: the thousandth page is as fast as the first, and rows that come or go elsewhere neither repeat nor
 * hide others (Winand, *We need tool support for keyset pagination*). Follows the Relay connection specification.
 *
 * @param caller for whom it is read: callers take turns. The product itself is one of them.
 * @throws {BadUserInputError} for invalid arguments.
 */
export async function readPage<Node>(
  db: Database,
  projection: Projection,
  request: PageRequest,
  caller = '',
): Promise<Page<Node>> {
  const cut = cutOf(projection, request);
  return pageOf<Node>(cut, await readRows(db, projection, cut, request, caller).catch(refuseBadCursor));
}

function readRows(
  db: Database,
  projection: Projection,
  cut: Cut,
  { where, anyOf }: PageRequest,
  caller: string,
): Promise<RowValues[]> {
  const conditions = where?.filter((condition) => condition !== undefined) ?? [];
  if (anyOf) return mergedStatement(db, projection, cut, conditions, anyOf)(cut.parameters);
  if (conditions.length > 0) return pageStatement(db, projection, cut, conditions)(cut.parameters);
  return readWholeList(db, projection, cut, caller);
}

function pageStatement(db: Database, projection: Projection, cut: Cut, conditions: readonly SQL[]): PageStatement {
  return rowsOf(db, `${projection.name}_page`, pageQuery(db, projection, cut, conditions), cut.selected);
}

/** The page of each condition, without what a condition before it finds too; and of all that they find, the page. */
function mergedStatement(
  db: Database,
  projection: Projection,
  cut: Cut,
  conditions: readonly SQL[],
  anyOf: readonly SQL[],
): PageStatement {
  const pages = anyOf.map((condition, nth) => {
    const others = anyOf.slice(0, nth).map((other) => sql`(${other}) is not true`);
    return pageQuery(db, projection, cut, [...conditions, condition, ...others]);
  });
  const [first, second, ...more] = pages;
  if (!first || !second) {
    return pageStatement(db, projection, cut, [...conditions, ...(anyOf.length > 0 ? anyOf : [sql`false`])]);
  }
  const merged = unionAll(first, second, ...more)
    .orderBy(...cut.columns.map((column) => cut.order(column)))
    .limit(LIMIT);
  return rowsOf(db, `${projection.name}_merged_page`, merged, cut.selected);
}

/**
 * The same page of each of several lists, in one statement: the rows where `column` has the first value, the second, …
 *
 * @returns one page for each value, in their order.
 * @throws {BadUserInputError} for invalid arguments.
 */
export async function readPages<Node>(
  db: Database,
  projection: Projection,
  request: PageRequest,
  { column, values }: ListsBy,
): Promise<Page<Node>[]> {
  const cut = cutOf(projection, request);
  const page = db
    .select(cut.selected.columns)
    .from(projection.table)
    .where(and(...(request.where ?? []), isOfList(column), cut.where()))
    .orderBy(...cut.columns.map((column) => cut.order(column)))
    .limit(LIMIT)
    .as('page');
  const query = db
    .select({ nth: LIST_NUMBER, row: page._.selectedFields as Record<string, PgColumn> })
    .from(listsBy({ column, values }))
    .crossJoinLateral(page)
    .orderBy(sql`list.nth`, ...cut.columns.map(({ name }) => cut.order(sql`page.${sql.identifier(name)}`)));
  const toRow = rowMapper(cut.selected.columns, cut.selected.prototype);
  const read = mapped(db, `${projection.name}_pages_by_${column.name}`, query, (found) =>
    found.map((each) => ({ nth: Number(each[0]), row: toRow(each, 1) })),
  );
  const lists: RowValues[][] = values.map(() => []);
  for (const { nth, row } of await read(cut.parameters).catch(refuseBadCursor)) lists[nth - 1]?.push(row);
  return lists.map((rows) => pageOf<Node>(cut, rows));
}
