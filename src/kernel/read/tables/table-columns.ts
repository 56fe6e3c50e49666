import { sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { regclass } from './table-parts.ts';

/** A column as Postgres knows it. */
export interface ColumnShape {
  readonly name: string;
  /** The type with its parameters: `timestamp(3) with time zone`. */
  readonly type: string;
  readonly isRequired: boolean;
  /** True if rows may be inserted without it. */
  readonly isOptionalOnInsert: boolean;
  /** The expression of a generated column. */
  readonly generated: string | null;
}

/** Reads the columns of a table in their order. */
export async function readColumns(db: Database, table: PgTable): Promise<ColumnShape[]> {
  return await db.execute<ColumnShape & Record<string, unknown>>(sql`
    select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as "isRequired",
           not attnotnull or adbin is not null or attidentity <> '' as "isOptionalOnInsert",
           case when attgenerated <> '' then pg_get_expr(adbin, adrelid) end as generated
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = ${regclass(table)} and attnum > 0 and not attisdropped order by attnum`);
}

/**
 * How columns differ from their declarations, one phrase for each; none if the table can be used. An undeclared column
 * is harmless if rows can be inserted without it: newer code may have added it.
 */
export function differences(declared: readonly ColumnShape[], present: readonly ColumnShape[]): string[] {
  const there = new Map(present.map((column) => [column.name, column]));
  const known = new Set(declared.map(({ name }) => name));
  const phrases = declared.flatMap((column) => {
    const other = there.get(column.name);
    if (!other) return [`it lacks the column ${column.name} (${described(column)})`];
    if (described(column) === described(other)) return [];
    return [`its column ${column.name} is ${described(other)} and not ${described(column)}`];
  });
  const extra = present.filter(({ name, isOptionalOnInsert }) => !known.has(name) && !isOptionalOnInsert);
  return [...phrases, ...extra.map(({ name }) => `its column ${name} needs a value and is not declared`)];
}

function described({ type, isRequired, generated }: ColumnShape): string {
  return `${type}${isRequired ? ' not null' : ''}${generated === null ? '' : ` generated as ${generated}`}`;
}
