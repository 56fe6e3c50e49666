import { and, asc, desc, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { GraphQLResolveInfo } from 'graphql';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import { type SelectedColumns, selectedColumns } from '../selected-columns.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { type PageArguments, type PageShape, sizeOf } from './page-shape.ts';

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

/** One row more than the page has, to know whether there is more. */
export const LIMIT = sql.placeholder('limit');

/** A page request translated for a statement, and how its rows become a page. */
export interface Cut extends PageShape {
  /** Equal for all requests with the same statement. */
  readonly name: string;
  /** Parameters of the statement. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Leaves out what lies before or behind. @param parameterAs the value of a parameter; by default, a placeholder. */
  readonly where: (parameterAs?: (parameter: string) => SQL) => SQL | undefined;
  /** What is read of each row. */
  readonly selected: SelectedColumns;
  /** What the rows are sorted by. */
  readonly columns: readonly PgColumn[];
  readonly order: typeof asc;
}

export function cutOf(projection: Projection, request: PageRequest): Cut {
  const { args, sortBy, direction } = request;
  const { limit, backwards } = sizeOf(args);
  const { columns, properties } = sortOf(projection, sortBy);
  const sortName = `${sortBy.name} ${direction}`;
  const after = args.after == null ? undefined : decodeCursor(args.after, sortName, columns.length);
  const before = args.before == null ? undefined : decodeCursor(args.before, sortName, columns.length);
  const parameters: Record<string, unknown> = { limit: limit + 1 };
  for (const [nth, value] of (after ?? []).entries()) parameters[`after${nth}`] = value;
  for (const [nth, value] of (before ?? []).entries()) parameters[`before${nth}`] = value;
  const beyond = (name: string, forwards: boolean, parameterAs: (parameter: string) => SQL) => {
    const values = columns.map((column, nth) => sql`${parameterAs(`${name}${nth}`)}::${sql.raw(column.getSQLType())}`);
    const isBeyond = sql.raw((direction === 'asc') === forwards ? '>' : '<');
    return sql`(${list(columns.map((column) => sql`${column}`))}) ${isBeyond} (${list(values)})`;
  };
  const selected = selectedColumns(projection, request.info, properties);
  const parts = [sortName, backwards && 'backwards', after && 'after', before && 'before', selected.name];
  return {
    name: parts.filter(Boolean).join(' '),
    selected,
    parameters,
    where: (parameterAs = parameterItself) =>
      and(after && beyond('after', true, parameterAs), before && beyond('before', false, parameterAs)),
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

const parameterItself = (name: string): SQL => sql`${sql.placeholder(name)}`;

function list(parts: SQL[]): SQL {
  return sql.join(parts, sql`, `);
}
