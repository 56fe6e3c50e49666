import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { formerValue } from '../fold/former-value.ts';

/** How a row of the live table differs from the result of the log. */
export type DifferenceKind =
  /** The row does not exist. */
  | 'missing'
  /** The row should not exist. */
  | 'extra'
  /** The row has other values. */
  | 'different'
  /** One of the two rows lacks events that are parked in dead letters, so the difference is meaningless. */
  | 'stale';

export interface RowDifference {
  readonly kind: DifferenceKind;
  /** The row's key as text; with several columns as JSON. */
  readonly key: string;
  /** The columns that differ, if both rows exist. */
  readonly columns: readonly string[];
}

export interface Comparison {
  /** Rows of the live table. */
  readonly rows: number;
  readonly counts: Readonly<Record<DifferenceKind, number>>;
  /** The first of them by key. */
  readonly first: readonly RowDifference[];
}

/** Maximum number of differences that are shown. */
const SHOWN = 20;

/** Compares the rows of two tables of one projection, in the database. */
export function compareTables(view: Database, live: Projection, other: Projection): Promise<Comparison> {
  const keys = live.key.map(({ column }) => column);
  const engines = ['lastPosition', 'staleSince', 'keptIn'];
  const columns = Object.entries(getTableColumns(live.table))
    .filter(([property]) => !engines.includes(property))
    .map(([, column]) => column);
  const isStale = sql`l.stale_since is not null or s.stale_since is not null`;
  const columnOf = (column: PgColumn, side: Side) => sql`${sql.identifier(side)}.${id(column)}`;
  return compare(view, { live: live.table, other: other.table, keys, columns, isStale, columnOf });
}

/**
 * Compares the former versions that two projections of the same rows have kept. A version is identified by the event
 * that created it.
 */
export function compareHistories(view: Database, live: Projection, other: Projection): Promise<Comparison> {
  if (!live.history || !other.history) throw new Error(`Projection ${live.name} keeps no history.`);
  const keys = live.key.map(({ column }) => column);
  const isOf = (table: PgTable) => sql`
    select from ${table} r where r.stale_since is not null
      and ${and(keys.map((key) => sql`r.${id(key)} = coalesce(l.${id(key)}, s.${id(key)})`))}`;
  return compare(view, {
    live: live.history,
    other: other.history,
    keys: [...keys, live.history.fromPosition],
    columns: Object.values(getTableColumns(live.history)).filter(({ name }) => name !== live.history?.keptIn.name),
    // Where a value is stored is not part of the version.
    columnOf: (column, side) => formerValue(side === 'l' ? live : other, column, side),
    isStale: sql`exists (${isOf(live.table)}) or exists (${isOf(other.table)})`,
  });
}

interface Compared {
  readonly live: PgTable;
  readonly other: PgTable;
  /** Columns that identify a pair of rows. */
  readonly keys: readonly PgColumn[];
  /** Columns that should be equal. */
  readonly columns: readonly PgColumn[];
  /** True if a row of a pair lacks events, with the aliases `l` and `s`. */
  readonly isStale: SQL;
  readonly columnOf: (column: PgColumn, side: Side) => SQL;
}

/** The live table, or the one that it is compared with. */
type Side = 'l' | 's';

async function compare(view: Database, compared: Compared): Promise<Comparison> {
  const { live, other, keys, columns: all, isStale, columnOf } = compared;
  const differs = (column: PgColumn) => isDistinct(column, columnOf(column, 'l'), columnOf(column, 's'));
  const columns = all.filter((column) => !keys.some(({ name }) => name === column.name));
  const both = sql`${live} l full outer join ${other} s on ${and(keys.map((key) => sql`l.${id(key)} = s.${id(key)}`))}`;
  const [first] = keys as [PgColumn];
  const kind = sql`case
    when ${isStale} then 'stale'
    when l.${id(first)} is null then 'missing'
    when s.${id(first)} is null then 'extra'
    else 'different' end`;
  const differ = or([
    sql`l.${id(first)} is null`,
    sql`s.${id(first)} is null`,
    ...columns.map((column) => differs(column)),
  ]);

  const [counted] = await view.execute<{ rows: number }>(sql`select count(*)::int as rows from ${live}`);
  const counts = { missing: 0, extra: 0, different: 0, stale: 0 };
  const found = await view.execute<{ kind: DifferenceKind; count: number }>(
    sql`select ${kind} as kind, count(*)::int as count from ${both} where ${differ} group by 1`,
  );
  for (const { kind, count } of found) counts[kind] = count;
  if (found.length === 0) return { rows: counted?.rows ?? 0, counts, first: [] };

  const key = keys.map((column) => sql`coalesce(l.${id(column)}, s.${id(column)})`);
  const keyText = key.length === 1 ? sql`${key[0]}::text` : sql`jsonb_build_array(${sql.join(key, sql`, `)})::text`;
  const names = columns.map((column) => sql`case when ${differs(column)} then ${column.name}::text end`);
  const rows = await view.execute<{ kind: DifferenceKind; key: string; columns: string }>(sql`
    select ${kind} as kind, ${keyText} as key,
           array_to_json(array_remove(array[${sql.join(names, sql`, `)}]::text[], null))::text as columns
    from ${both} where ${differ} order by ${sql.join(key, sql`, `)} limit ${SHOWN}`);
  const shown = rows.map(({ columns, ...row }) => ({ ...row, columns: namesOf(row.kind, columns) }));
  return { rows: counted?.rows ?? 0, counts, first: shown };
}

function namesOf(kind: DifferenceKind, columns: string): string[] {
  return kind === 'missing' || kind === 'extra' ? [] : JSON.parse(columns);
}

/** `json` and similar types have no equality operator. */
function isDistinct(column: PgColumn, one: SQL, other: SQL): SQL {
  const cast = /^(json|xml|point|polygon)$/.test(column.getSQLType()) ? sql`::text` : sql``;
  return sql`(${one})${cast} is distinct from (${other})${cast}`;
}

function id(column: PgColumn): ReturnType<typeof sql.identifier> {
  return sql.identifier(column.name);
}

function and(conditions: readonly SQL[]): SQL {
  return sql.join([...conditions], sql` and `);
}

function or(conditions: readonly SQL[]): SQL {
  return sql`(${sql.join([...conditions], sql` or `)})`;
}
