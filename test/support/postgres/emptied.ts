import type postgres from 'postgres';

/** Tables of the engine and of read models. */
const TABLES = `select c.oid::int, format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname in ('es', 'read') order by 2`;

/** Tables of the log refuse to be emptied, whoever asks, unless their triggers are off in a session that is a replica. */
const GUARDS = `select format('alter table %s enable', tgrelid::regclass) as statement, quote_ident(tgname) as trigger
  from pg_trigger where tgenabled = 'A' and not tgisinternal order by 1, 2`;

/** A test may have left a transaction open. */
const EMPTY_WITHIN = `set local lock_timeout = '1s'; set local session_replication_role = 'replica'`;

const OWN_SCHEMAS = `select oid from pg_namespace where nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_t'`;

/**
 * All that tests may find changed although there are no rows: relations with their columns, indexes, constraints and triggers,
 * functions, and the settings of the database. Tables in `read` and `es` that are not among the given ones do not count:
 * engines make some.
 */
const CATALOGUE = `with own as (${OWN_SCHEMAS}), relation as (
    select c.oid, c.relname, c.relkind, c.reloptions, c.relnamespace::regnamespace as schema
    from pg_class c left join pg_index i on i.indexrelid = c.oid
    where c.relnamespace in (select oid from own) and (
      coalesce(i.indrelid, c.oid) = any ($1::int[]::oid[]) or c.relkind in ('v', 'm', 'f')
      or c.relnamespace not in ('es'::regnamespace, 'read'::regnamespace))
  ), fact as (
    select format('%s %s.%I %s %s', relkind, schema, relname, reloptions, pg_get_indexdef(oid)) as is from relation
    union all select format('column %s %I %s %s %s', attrelid, attname, atttypid, attnotnull, attisdropped)
      from pg_attribute where attrelid in (select oid from relation) and attnum > 0
    union all select format('default %s %s %s', adrelid, adnum, pg_get_expr(adbin, adrelid))
      from pg_attrdef where adrelid in (select oid from relation)
    union all select format('constraint %s %s', conrelid, pg_get_constraintdef(oid))
      from pg_constraint where conrelid in (select oid from relation)
    union all select format('trigger %s %s', tgenabled, pg_get_triggerdef(oid))
      from pg_trigger where tgrelid in (select oid from relation) and not tgisinternal
    union all select format('trigger %s of a constraint of %s', tgenabled, tgrelid)
      from pg_trigger where tgrelid in (select oid from relation) and tgisinternal
    union all select format('function %s %s %s %s', oid::regprocedure, provolatile, proconfig, prosrc)
      from pg_proc where pronamespace in (select oid from own)
    union all select format('setting %s %s', setrole, setconfig)
      from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())
    union all select format('connections %s', datconnlimit) from pg_database where datname = current_database()
  )
  select md5(string_agg("is", E'\n' order by "is")) as fingerprint from fact`;

/**
 * Remembers what is in a new database.
 * @returns a function that makes it so again; it returns false if it cannot, because somebody holds a lock, or something
 * other than rows has changed.
 */
export async function emptyingOf(sql: postgres.Sql): Promise<() => Promise<boolean>> {
  const tablesNow = () => sql.unsafe<{ oid: number; name: string }[]>(TABLES);
  const tables = await tablesNow();
  const fingerprint = async () => {
    const [row] = await sql.unsafe<{ fingerprint: string }[]>(CATALOGUE, [tables.map(({ oid }) => oid)]);
    return row?.fingerprint;
  };
  const original = await fingerprint();
  const guards = await sql.unsafe<{ statement: string; trigger: string }[]>(GUARDS);
  const enable = (when: '' | 'always') =>
    guards.map(({ statement, trigger }) => `${statement} ${when} trigger ${trigger}`).join('; ');
  const rows = tables.map(({ name }) => `select '${name}' as name, (select json_agg(t)::text from ${name} t) as rows`);
  const all = await sql.unsafe<{ name: string; rows: string | null }[]>(rows.join(' union all '));
  const kept = all.filter((table) => table.rows !== null);
  return async () => {
    try {
      if ((await fingerprint()) !== original) return false;
      const deletes = (await tablesNow()).map(({ name }) => `delete from ${name}`).join('; ');
      await sql.begin(async (tx) => {
        await tx.unsafe(`${EMPTY_WITHIN}; ${enable('')}; ${deletes}`);
        for (const { name, rows } of kept) {
          await tx.unsafe(`insert into ${name} select * from json_populate_recordset(null::${name}, $1::text::json)`, [
            rows,
          ]);
        }
        await tx.unsafe(enable('always'));
      });
      return true;
    } catch {
      return false;
    }
  };
}
