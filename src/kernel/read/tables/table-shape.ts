import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';

/** A column as Postgres knows it. */
export interface ColumnShape {
  readonly name: string;
  /** With precision and the like: `timestamp(3) with time zone`. */
  readonly type: string;
  readonly isRequired: boolean;
  /** Rows may be written without it. */
  readonly isOptionalOnInsert: boolean;
  /** The expression of a generated column. */
  readonly generated: string | null;
}

/** An index, also one behind a key or a unique constraint. */
export interface IndexShape {
  readonly name: string;
  readonly isPrimary: boolean;
  readonly isUnique: boolean;
  /** False of one whose concurrent creation was broken off. */
  readonly isValid: boolean;
  /** What it is, without its name and its table's: `USING btree (placed_at, id)`. */
  readonly definition: string;
}

/** What makes up a table as far as a read model depends on it. */
export interface TableShape {
  readonly columns: readonly ColumnShape[];
  readonly indexes: readonly IndexShape[];
}

/** Looks at a table as it is. @param table as SQL names it, for example `"read"."orders"`. */
export async function shapeOf(db: Database, table: string): Promise<TableShape> {
  const columns = await db.execute<ColumnShape & Record<string, unknown>>(sql`
    select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as "isRequired",
           not attnotnull or adbin is not null or attidentity <> '' as "isOptionalOnInsert",
           case when attgenerated <> '' then pg_get_expr(adbin, adrelid) end as generated
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped order by attnum`);
  const indexes = await db.execute<IndexShape & Record<string, unknown>>(sql`
    select i.relname as name, indisprimary as "isPrimary", indisunique as "isUnique", indisvalid as "isValid",
           substr(d, strpos(d, ' USING ') + 1) as definition
    from pg_index x join pg_class i on i.oid = indexrelid cross join lateral pg_get_indexdef(indexrelid) d
    where indrelid = ${table}::regclass order by 1`);
  return { columns, indexes };
}

/**
 * In what a table is not as it is declared, a phrase each; none if it can be used. A column that is not declared does no harm
 * if rows can be written without it: newer code may have added it.
 */
export function differences(declared: TableShape, present: TableShape): string[] {
  const there = new Map(present.columns.map((column) => [column.name, column]));
  const known = new Set(declared.columns.map(({ name }) => name));
  const phrases = declared.columns.flatMap((column) => {
    const other = there.get(column.name);
    return other ? columnDifference(column, other) : [`it lacks the column ${column.name} (${described(column)})`];
  });
  for (const { name, isOptionalOnInsert } of present.columns) {
    if (!known.has(name) && !isOptionalOnInsert) phrases.push(`its column ${name} needs a value and is not declared`);
  }
  const key = (shape: TableShape) => shape.indexes.find(({ isPrimary }) => isPrimary)?.definition;
  if (key(declared) !== key(present)) {
    phrases.push(`its primary key is ${key(present) ?? 'missing'} and not ${key(declared) ?? 'missing'}`);
  }
  return phrases;
}

function columnDifference(declared: ColumnShape, present: ColumnShape): string[] {
  if (described(declared) === described(present)) return [];
  return [`its column ${declared.name} is ${described(present)} and not ${described(declared)}`];
}

function described({ type, isRequired, generated }: ColumnShape): string {
  return `${type}${isRequired ? ' not null' : ''}${generated === null ? '' : ` generated as ${generated}`}`;
}

/** The declared indexes that a table does not have. A primary key is none of them: see {@link differences}. */
export function missingIndexes(declared: TableShape, present: TableShape): IndexShape[] {
  const left = present.indexes.filter(({ isValid }) => isValid);
  return declared.indexes.filter((index) => {
    const at = left.findIndex(
      ({ definition, isUnique }) => definition === index.definition && isUnique === index.isUnique,
    );
    if (at >= 0) left.splice(at, 1);
    return at < 0 && !index.isPrimary;
  });
}
