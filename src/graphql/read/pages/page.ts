import { and, asc, desc, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { type PgColumn, unionAll } from 'drizzle-orm/pg-core';
import type { GraphQLResolveInfo } from 'graphql';
import type { Database } from '../../../database/client.ts';
import { mapped, rowMapper } from '../../../database/driver/drizzle/mapped.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { type SelectedColumns, selectedColumns } from '../selected-columns.ts';
import { decodeCursor, encodeCursor, refuseBadCursor } from './cursor.ts';
import { isOfList, LIST_NUMBER, type ListsBy, listsBy } from './lists-by.ts';
import { type Page, type PageArguments, type PageShape, pageOf, sizeOf } from './page-shape.ts';

export interface PageRequest {
  readonly args: PageArguments;
  /**
   * The column to sort by; rows with equal values are sorted by the key, in the same direction. A cursor from a list
   * with another order is refused.
   */
  readonly sortBy: PgColumn;
  readonly direction: 'asc' | 'desc';
  readonly where?: readonly (SQL | undefined)[];
  /**
   * Conditions of which at least one must hold, in addition to `where`. Each is read through an index of its own, in the
   * order of the list. As one condition with `or`, Postgres would either sort all that it finds or search the whole list
   * for it, and take the wrong way if what it looks for is not spread evenly.
   */
  readonly anyOf?: readonly SQL[];
  /** Of the field that shows the page: columns that its selection does not need are not read. Without it, all are. */
  readonly info?: GraphQLResolveInfo;
}

/**
 * A page by keyset: the thousandth page is as fast as the first, and rows that come or go elsewhere neither repeat nor
 * hide others (Winand, *We need tool support for keyset pagination*). Follows the Relay connection specification.
 *
 * @throws {BadUserInputError} for invalid arguments.
 */
export async function readPage<Node>(db: Database, projection: Projection, request: PageRequest): Promise<Page<Node>> {
  const cut = cutOf(projection, request);
  const conditions = request.where?.filter((condition) => condition !== undefined) ?? [];
  const read = statementFor(db, projection, cut, conditions, request.anyOf);
  return pageOf<Node>(cut, await read(cut.parameters).catch(refuseBadCursor));
}

type PageStatement = (parameters: Readonly<Record<string, unknown>>) => Promise<RowValues[]>;

function statementFor(
  db: Database,
  projection: Projection,
  cut: Cut,
  conditions: readonly SQL[],
  anyOf: readonly SQL[] | undefined,
): PageStatement {
  if (anyOf) return mergedStatement(db, projection, cut, conditions, anyOf);
  return conditions.length > 0
    ? pageStatement(db, projection, cut, conditions)
    : wholeListStatement(db, projection, cut);
}

function pageQuery(db: Database, projection: Projection, cut: Cut, conditions: readonly SQL[]) {
  return db
    .select(cut.selected.columns)
    .from(projection.table)
    .where(and(...conditions, cut.where()))
    .orderBy(...cut.columns.map((column) => cut.order(column)))
    .limit(LIMIT);
}

function pageStatement(db: Database, projection: Projection, cut: Cut, conditions: readonly SQL[]): PageStatement {
  return rowsOf(db, `${projection.name}_page`, pageQuery(db, projection, cut, conditions), cut.selected);
}

function rowsOf(db: Database, name: string, query: SQLWrapper, { columns, prototype }: SelectedColumns): PageStatement {
  const toRow = rowMapper(columns, prototype);
  return mapped(db, name, query, (rows) => rows.map((values) => toRow(values)));
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
 * Prepared statements of lists without conditions. Statements of one list and order differ only in their parameters,
 * and building one takes Drizzle longer than Postgres needs to execute it.
 */
const wholeLists = new WeakMap<Database, Map<string, PageStatement>>();

function wholeListStatement(db: Database, projection: Projection, cut: Cut): PageStatement {
  const known = wholeLists.get(db) ?? new Map<string, PageStatement>();
  wholeLists.set(db, known);
  const name = `${projection.name} ${cut.name}`;
  const statement = known.get(name) ?? pageStatement(db, projection, cut, []);
  known.set(name, statement);
  return statement;
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

/** One row more than the page has, to know whether there is more. */
const LIMIT = sql.placeholder('limit');

/** A page request translated for a statement, and how its rows become a page. */
interface Cut extends PageShape {
  /** Equal for all requests with the same statement. */
  readonly name: string;
  /** Parameters of the statement. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly where: () => SQL | undefined;
  /** What is read of each row. */
  readonly selected: SelectedColumns;
  /** What the rows are sorted by. */
  readonly columns: readonly PgColumn[];
  readonly order: typeof asc;
}

function cutOf(projection: Projection, request: PageRequest): Cut {
  const { args, sortBy, direction } = request;
  const { limit, backwards } = sizeOf(args);
  const { columns, properties } = sortOf(projection, sortBy);
  const sortName = `${sortBy.name} ${direction}`;
  const after = args.after == null ? undefined : decodeCursor(args.after, sortName, columns.length);
  const before = args.before == null ? undefined : decodeCursor(args.before, sortName, columns.length);
  const parameters: Record<string, unknown> = { limit: limit + 1 };
  for (const [nth, value] of (after ?? []).entries()) parameters[`after${nth}`] = value;
  for (const [nth, value] of (before ?? []).entries()) parameters[`before${nth}`] = value;
  const beyond = (name: string, forwards: boolean) => {
    const values = columns.map(
      (column, nth) => sql`${sql.placeholder(`${name}${nth}`)}::${sql.raw(column.getSQLType())}`,
    );
    const isBeyond = sql.raw((direction === 'asc') === forwards ? '>' : '<');
    return sql`(${list(columns.map((column) => sql`${column}`))}) ${isBeyond} (${list(values)})`;
  };
  const selected = selectedColumns(projection, request.info, properties);
  const parts = [sortName, backwards && 'backwards', after && 'after', before && 'before', selected.name];
  return {
    name: parts.filter(Boolean).join(' '),
    selected,
    parameters,
    where: () => and(after && beyond('after', true), before && beyond('before', false)),
    columns,
    order: (direction === 'asc') !== backwards ? asc : desc,
    limit,
    args,
    backwards,
    cursorOf: (row) =>
      encodeCursor(
        sortName,
        properties.map((property) => row[property]),
      ),
  };
}

/** What is read of each row of a page. */
export function selectedFor(projection: Projection, { sortBy, info }: PageRequest): SelectedColumns {
  return selectedColumns(projection, info, sortOf(projection, sortBy).properties);
}

/** What a list is sorted by: a column, and the columns of the key. */
interface Sort {
  readonly columns: readonly PgColumn[];
  /** The same as properties of a row. A cursor is made of them. */
  readonly properties: readonly string[];
}

const sorts = new WeakMap<Projection, Map<PgColumn, Sort>>();

function sortOf(projection: Projection, sortBy: PgColumn): Sort {
  const known = sorts.get(projection) ?? new Map<PgColumn, Sort>();
  sorts.set(projection, known);
  let sort = known.get(sortBy);
  if (!sort) {
    const property = Object.entries(projection.table).find(([, column]) => column === sortBy)?.[0] ?? '';
    // The list may be sorted by a part of the key itself.
    const rest = projection.key.filter(({ column }) => column.name !== sortBy.name);
    sort = {
      columns: [sortBy, ...rest.map(({ column }) => column)],
      properties: [property, ...rest.map((each) => each.property)],
    };
    known.set(sortBy, sort);
  }
  return sort;
}

function list(parts: SQL[]): SQL {
  return sql.join(parts, sql`, `);
}
