import { getTableName, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { READ_SCHEMA } from './tables.ts';

/** A part of a table that has a name of its own. */
export interface TablePart {
  readonly name: string;
  /** An index by itself, the index of a constraint (primary key, unique), or a rule that rows must satisfy. */
  readonly kind: 'index' | 'key' | 'check' | 'not null';
  readonly isPrimary: boolean;
  /** Its definition without its name and its table's: `USING btree (placed_at, id)`, `PRIMARY KEY (id)`. */
  readonly definition: string;
  readonly isUnique: boolean;
  /** The first column of an index, if it is a column. */
  readonly leads: string | null;
  /** The comment of an index. */
  readonly comment: string | null;
}

/** The table as `::regclass` reads it. */
export function regclass(table: PgTable): SQL {
  return sql`to_regclass(format('%I.%I', ${READ_SCHEMA}::text, ${getTableName(table)}::text))`;
}

/** Indexes and constraints. Those of the same definition are in the order in which they were created. */
export async function partsOf(db: Database, table: PgTable): Promise<TablePart[]> {
  return await db.execute<TablePart & Record<string, unknown>>(sql`
    select i.relname as name, case when c.oid is null then 'index' else 'key' end as kind, x.indisprimary as "isPrimary",
           x.indisunique as "isUnique", a.attname as leads, obj_description(x.indexrelid, 'pg_class') as comment,
           coalesce(pg_get_constraintdef(c.oid), substr(d, strpos(d, ' USING ') + 1)) as definition
    from pg_index x
    join pg_class i on i.oid = x.indexrelid
    cross join lateral pg_get_indexdef(x.indexrelid) d
    left join pg_constraint c on c.conindid = x.indexrelid and c.conrelid = x.indrelid and c.contype in ('p', 'u', 'x')
    left join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
    where x.indrelid = ${regclass(table)} and x.indisvalid
    union all
    select conname, case contype when 'c' then 'check' else 'not null' end, false, false, null, null, pg_get_constraintdef(oid)
    from pg_constraint where conrelid = ${regclass(table)} and contype in ('c', 'n')
    order by 7, 1`);
}

/**
 * The wanted parts that are not present. Each present one counts once, because a table may have the same index twice.
 * Names do not matter.
 */
export function lacking(wanted: readonly TablePart[], present: readonly TablePart[]): TablePart[] {
  const left = [...present];
  return wanted.filter((part) => {
    const at = left.findIndex((other) => isSame(part, other));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** True for a part without an index, which `like` copies with the columns. */
export function isRule({ kind }: TablePart): boolean {
  return kind === 'check' || kind === 'not null';
}

/** True if two parts differ at most in their names. */
export function isSame(a: TablePart, b: TablePart): boolean {
  return a.kind === b.kind && a.isUnique === b.isUnique && a.definition === b.definition;
}

/** The columns as one text, which is equal for two tables with the same columns. */
export async function columnsOf(db: Database, table: PgTable): Promise<string> {
  const [row] = await db.execute<{ columns: string | null }>(sql`
    select string_agg(concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod), attnotnull, attidentity,
                                attgenerated, pg_get_expr(adbin, adrelid)), ', ' order by attname) as columns
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = ${regclass(table)} and attnum > 0 and not attisdropped`);
  return row?.columns ?? '';
}

/** The obstacles to replacing a table by another one, in words: dependent objects would be lost or prevent it. */
export async function obstaclesTo(db: Database, table: PgTable): Promise<string[]> {
  const rows = await db.execute<{ what: string }>(sql`
    with t as (select oid, relowner, relrowsecurity from pg_class where oid = ${regclass(table)})
    select 'view ' || v.oid::regclass as what
    from t join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid
    join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    join pg_class v on v.oid = r.ev_class and v.oid <> t.oid
    union
    select 'foreign key ' || conname || ' of ' || conrelid::regclass
    from t join pg_constraint on contype = 'f' and t.oid in (conrelid, confrelid)
    union
    select 'trigger ' || tgname from t join pg_trigger on tgrelid = t.oid and not tgisinternal
    union
    select 'policy ' || polname from t join pg_policy on polrelid = t.oid
    union
    select 'table ' || inhrelid::regclass || ' that inherits from it' from t join pg_inherits on inhparent = t.oid
    union
    select 'owner ' || pg_get_userbyid(relowner) || ', whose rights the database''s user does not have'
    from t where not pg_has_role(current_user, relowner, 'USAGE')
    order by 1`);
  return rows.map(({ what }) => what);
}

/**
 * The statements that give one table the rights of another, and remove its own. `like` does not copy rights, and an
 * operator may have granted more than the engine does.
 */
export async function grantsOf(db: Database, from: PgTable, to: PgTable): Promise<SQL[]> {
  const rows = await db.execute<{ statement: string }>(sql`
    with acl as (
      select oid, relowner as owner, null::name as col, (aclexplode(relacl)).* from pg_class
      union all
      select c.oid, c.relowner, a.attname, (aclexplode(a.attacl)).* from pg_class c join pg_attribute a on a.attrelid = c.oid
    ), named as (
      select *, case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as who,
             privilege_type || coalesce(' (' || quote_ident(col) || ')', '') as what
      from acl where grantee <> owner and oid in (${regclass(from)}, ${regclass(to)})
    )
    select statement from (
      select 1 as nth, format('revoke %s on %s from %s', what, ${regclass(to)}, who) as statement
      from named where oid = ${regclass(to)}
      union all
      select 2, format('grant %s on %s to %s%s', what, ${regclass(to)}, who, case when is_grantable then ' with grant option' end)
      from named where oid = ${regclass(from)}
    ) statements order by nth`);
  return rows.map(({ statement }) => sql.raw(statement));
}
