import { and, asc, desc, type SQL, sql } from 'drizzle-orm';
import { type PgColumn, unionAll } from 'drizzle-orm/pg-core';
import type { GraphQLResolveInfo } from 'graphql';
import type { Database } from '../../../database/client.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import { BadUserInputError } from '../../errors.ts';
import { type SelectedColumns, selectedColumns } from '../selected-columns.ts';
import { type Cursor, decodeCursor, encodeCursor, refuseBadCursor } from './cursor.ts';
import { isOfList, LIST_NUMBER, type ListsBy, listsBy } from './lists-by.ts';

export const DEFAULT_PAGE = 20;
export const MAX_PAGE = 100;

/** Arguments of a Relay connection. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

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

/** An element of a list, and its place. */
export interface Edge<Node> {
  readonly node: Node;
  readonly cursor: string;
}

export interface Page<Node> {
  readonly edges: readonly Edge<Node>[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  /** The row behind the page, in reading order, because of which there is more. */
  readonly beyond?: RowValues | undefined;
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
  const found = await statementFor(db, projection, cut, conditions, request.anyOf)
    .execute(cut.parameters)
    .catch(refuseBadCursor);
  return pageOf<Node>(cut, cut.selected.guarded(found));
}

function statementFor(
  db: Database,
  projection: Projection,
  cut: Cut,
  conditions: readonly SQL[],
  anyOf: readonly SQL[] | undefined,
): Pick<PageStatement, 'execute'> {
  if (anyOf) return mergedStatement(db, projection, cut, conditions, anyOf);
  return conditions.length > 0
    ? pageStatement(db, projection, cut, conditions)
    : wholeListStatement(db, projection, cut);
}

function pageQuery(db: Database, projection: Projection, cut: Cut, conditions: readonly SQL[]) {
  return db
    .select(cut.selected.columns)
    .from(projection.table)
    .where(and(...conditions, cut.where))
    .orderBy(...cut.columns.map((column) => cut.order(column)))
    .limit(LIMIT);
}

type PageStatement = ReturnType<typeof pageStatement>;

function pageStatement(db: Database, projection: Projection, cut: Cut, conditions: readonly SQL[]) {
  return pageQuery(db, projection, cut, conditions).prepare(`${projection.name}_page`);
}

/** The page of each condition, without what a condition before it finds too; and of all that they find, the page. */
function mergedStatement(
  db: Database,
  projection: Projection,
  cut: Cut,
  conditions: readonly SQL[],
  anyOf: readonly SQL[],
) {
  const pages = anyOf.map((condition, nth) => {
    const others = anyOf.slice(0, nth).map((other) => sql`(${other}) is not true`);
    return pageQuery(db, projection, cut, [...conditions, condition, ...others]);
  });
  const [first, second, ...more] = pages;
  if (!first || !second) {
    return pageStatement(db, projection, cut, [...conditions, ...(anyOf.length > 0 ? anyOf : [sql`false`])]);
  }
  return unionAll(first, second, ...more)
    .orderBy(...cut.columns.map((column) => cut.order(column)))
    .limit(LIMIT)
    .prepare(`${projection.name}_merged_page`);
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
    .where(and(...(request.where ?? []), isOfList(column), cut.where))
    .orderBy(...cut.columns.map((column) => cut.order(column)))
    .limit(LIMIT)
    .as('page');
  const found = await db
    .select({ nth: LIST_NUMBER, row: page._.selectedFields as Record<string, PgColumn> })
    .from(listsBy({ column, values }))
    .crossJoinLateral(page)
    .orderBy(sql`list.nth`, ...cut.columns.map(({ name }) => cut.order(sql`page.${sql.identifier(name)}`)))
    .prepare(`${projection.name}_pages_by_${column.name}`)
    .execute(cut.parameters)
    .catch(refuseBadCursor);
  const rowsOf: Record<string, unknown>[][] = values.map(() => []);
  for (const { nth, row } of found) rowsOf[nth - 1]?.push(row);
  return rowsOf.map((rows) => pageOf<Node>(cut, cut.selected.guarded(rows)));
}

/** One row more than the page has, to know whether there is more. */
const LIMIT = sql.placeholder('limit');

/** A page request translated for a statement, and how its rows become a page. */
interface Cut extends PageShape {
  /** Equal for all requests with the same statement. */
  readonly name: string;
  /** Parameters of the statement. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly where: SQL | undefined;
  /** What is read of each row. */
  readonly selected: SelectedColumns;
  /** What the rows are sorted by. */
  readonly columns: readonly PgColumn[];
  readonly order: typeof asc;
}

function cutOf(projection: Projection, request: PageRequest): Cut {
  const { args, sortBy, direction } = request;
  const { limit, backwards } = sizeOf(args);
  const rest = restOfKey(projection, sortBy);
  const columns = [sortBy, ...rest.map(({ column }) => column)];
  const sortName = `${sortBy.name} ${direction}`;
  const after = args.after == null ? undefined : decodeCursor(args.after, sortName, columns.length);
  const before = args.before == null ? undefined : decodeCursor(args.before, sortName, columns.length);
  const parameters: Record<string, unknown> = { limit: limit + 1 };
  const beyond = (name: string, cursor: Cursor | undefined, forwards: boolean) => {
    if (!cursor) return undefined;
    const values = columns.map((column, index) => {
      parameters[`${name}${index}`] = cursor[index];
      return sql`${sql.placeholder(`${name}${index}`)}::${sql.raw(column.getSQLType())}`;
    });
    return sql`(${list(columns.map((column) => sql`${column}`))}) ${sql.raw((direction === 'asc') === forwards ? '>' : '<')}
        (${list(values)})`;
  };
  const properties = sortProperties(projection, sortBy);
  const selected = selectedColumns(projection, request.info, properties);
  const parts = [sortName, backwards && 'backwards', after && 'after', before && 'before', selected.name];
  return {
    name: parts.filter(Boolean).join(' '),
    selected,
    parameters,
    where: and(beyond('after', after, true), beyond('before', before, false)),
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
  return selectedColumns(projection, info, sortProperties(projection, sortBy));
}

/** The properties that a row's cursor is made of. */
function sortProperties(projection: Projection, sortBy: PgColumn): readonly string[] {
  const sortProperty = Object.entries(projection.table).find(([, column]) => column === sortBy)?.[0] ?? '';
  return [sortProperty, ...restOfKey(projection, sortBy).map(({ property }) => property)];
}

/** The list may be sorted by a part of the key itself. */
function restOfKey({ key }: Projection, sortBy: PgColumn): Projection['key'] {
  return key.filter(({ column }) => column.name !== sortBy.name);
}

/** How rows become a page. */
interface PageShape {
  readonly args: PageArguments;
  readonly limit: number;
  readonly backwards: boolean;
  readonly cursorOf: (row: RowValues) => string;
}

/** @param found the rows in reading order, including one row more than the page if there is more. */
export function pageOf<Node>({ args, limit, backwards, cursorOf }: PageShape, found: readonly RowValues[]): Page<Node> {
  const more = found.length > limit;
  const rows = found.slice(0, limit);
  if (backwards) rows.reverse();
  const edges = rows.map((node) => ({ node: node as Node, cursor: cursorOf(node) }));
  return {
    edges,
    pageInfo: {
      // What a cursor names lies beyond the page on its side.
      hasNextPage: (more && !backwards) || args.before != null,
      hasPreviousPage: (more && backwards) || args.after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    beyond: found[limit],
  };
}

/** The size of a page. @throws {BadUserInputError} if it is not a valid size. */
export function sizeOf({ first, last }: PageArguments): { limit: number; backwards: boolean } {
  if (first != null && last != null) throw new BadUserInputError('Ask for `first` or for `last`, not for both.');
  const [name, size] = last != null ? ['last', last] : ['first', first ?? DEFAULT_PAGE];
  if (size < 0 || size > MAX_PAGE)
    throw new BadUserInputError(`\`${name}\` is between 0 and ${MAX_PAGE}, not ${size}.`);
  return { limit: size, backwards: last != null };
}

function list(parts: SQL[]): SQL {
  return sql.join(parts, sql`, `);
}
