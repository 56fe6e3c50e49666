import { type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { ERASED } from '../../define/personal/subject.ts';
import { maskTextOf } from '../../define/read-model/masks.ts';

/** How deep JSON is masked with its members; what is deeper becomes null. */
const MAX_DEPTH = 5;

/**
 * What stands for the personal data of a column until the read model is made again, as expressions of SQL over its present value: the
 * first that the table accepts. Null stays null. The later ones are for columns that are unique or have a CHECK.
 * @param key the row's key as text.
 */
export function masksOf(column: PgColumn, key: SQL): readonly SQL[] {
  const type = column.getSQLType();
  const name = sql.identifier(column.name);
  const of = (mask: SQL) => sql`case when ${name} is not null then (${mask})::${sql.raw(type)} end`;
  const usual = /^jsonb?$/.test(type) ? maskedJson(sql`${name}::jsonb`, MAX_DEPTH) : usualMask(column);
  return [of(usual), ...(column.notNull ? [] : [sql`null::${sql.raw(type)}`]), ...ownMasks(column, type, key).map(of)];
}

/** Of a type that is not known, the empty text is tried. */
function usualMask(column: PgColumn): SQL {
  const text = maskTextOf(column);
  if (text !== undefined) return literal(text);
  return column.notNull ? literal('') : sql`null`;
}

/** Masks that are another one in each row, and texts of other forms. */
function ownMasks({ enumValues }: PgColumn, type: string, key: SQL): SQL[] {
  if (enumValues?.length) return enumValues.slice(1).map(literal);
  if (type === 'uuid') return [sql`md5(${key})`];
  if (/^(integer|bigint|numeric)/.test(type)) return [sql`hashtext(${key})`];
  if (!/^(text|varchar|char|citext)/.test(type)) return [];
  return [
    ...[sql`${literal(`${ERASED} `)} || md5(${key})`, sql`md5(${key})`, literal('')],
    ...[sql`md5(${key}) || '@erased.invalid'`, sql`'https://erased.invalid/' || md5(${key})`],
  ];
}

/** Texts are `[erased]`, numbers 0, lists empty; members stay, because code reads them. */
function maskedJson(value: SQL, depth: number): SQL {
  if (depth === 0) return sql`'null'::jsonb`;
  const [member, inner] = [sql.identifier(`n${depth}`), sql.identifier(`v${depth}`)];
  return sql`case jsonb_typeof(${value})
    when 'string' then to_jsonb(${literal(ERASED)}::text) when 'number' then '0' when 'boolean' then 'false' when 'array' then '[]'
    when 'object' then (select coalesce(jsonb_object_agg(${member}, ${maskedJson(sql`${inner}`, depth - 1)}), '{}')
                        from jsonb_each(${value}) as m(${member}, ${inner}))
    else 'null' end`;
}

function literal(text: string): SQL {
  return sql.raw(`'${text.replaceAll("'", "''")}'`);
}
