import { type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { ERASED } from '../../define/personal/subject.ts';

/** How deep JSON is masked with its members; what is deeper becomes null. */
const MAX_DEPTH = 5;

/**
 * What stands for the personal data of a column until the read model is made again, as an expression of SQL over its present value. Null
 * stays null.
 */
export function maskOf(column: PgColumn): SQL {
  const name = sql.identifier(column.name);
  const type = column.getSQLType();
  const isJson = /^jsonb?$/.test(type);
  const mask = isJson ? sql`(${maskedJson(sql`${name}::jsonb`, MAX_DEPTH)})` : constantOf(column, type);
  return sql`case when ${name} is not null then ${mask}::${sql.raw(type)} end`;
}

/** Of a type that is not known here, the empty text is tried: else Postgres refuses it, and the rows stay as they are. */
function constantOf({ enumValues, notNull }: PgColumn, type: string): SQL {
  if (enumValues?.[0] !== undefined) return literal(enumValues[0]);
  if (type.endsWith(']')) return literal('{}');
  if (/^(text|varchar|character|char|bpchar|citext)/.test(type)) return literal(ERASED);
  if (type.endsWith('multirange')) return literal('{}');
  if (type.endsWith('range')) return literal('empty');
  if (/^(small|big)?int|^(numeric|decimal|real|double|money)/.test(type)) return literal('0');
  if (type === 'boolean') return literal('false');
  if (type === 'uuid') return literal('00000000-0000-0000-0000-000000000000');
  if (/^(date|timestamp)/.test(type)) return literal('1970-01-01 00:00:00Z');
  if (/^time/.test(type)) return literal('00:00:00Z');
  return notNull ? literal('') : sql`null`;
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
