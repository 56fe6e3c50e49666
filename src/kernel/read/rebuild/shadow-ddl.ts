import { getTableName, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { quoted } from '../../../database/roles/statements.ts';
import { policyDdl } from '../../../database/tenancy/tenant-tables.ts';
import {
  columnsOf,
  grantsOf,
  isRule,
  isSame,
  lacking,
  partsOf,
  regclass,
  type TablePart,
} from '../tables/table-parts.ts';
import { READ_SCHEMA } from '../tables/tables.ts';
import type { Shadow } from './shadow.ts';

/**
 * Creates a shadow's table: columns, constraints, primary key and rights of the live one. The other indexes come later:
 * filling a table is much faster without them.
 */
export async function createShadowTable(
  tx: Database,
  live: PgTable,
  shadow: PgTable,
  { hasTenants }: { readonly hasTenants: boolean },
): Promise<void> {
  await tx.execute(sql`create table ${shadow} (like ${live} including all excluding indexes)`);
  const [options] = await tx.execute<{ options: string | null; owner: string | null }>(sql`
    select array_to_string(reloptions, ', ') as options,
           case when pg_get_userbyid(relowner) <> current_user then pg_get_userbyid(relowner) end as owner
    from pg_class where oid = ${regclass(live)}`);
  if (options?.options) await tx.execute(sql`alter table ${shadow} set (${sql.raw(options.options)})`);
  for (const part of await partsOf(tx, live)) if (part.isPrimary) await tx.execute(creationOf(part, shadow));
  if (options?.owner) await tx.execute(sql`alter table ${shadow} owner to ${sql.identifier(options.owner)}`);
  for (const grant of await grantsOf(tx, live, shadow)) await tx.execute(grant);
  if (hasTenants) for (const policy of policyDdl(nameOf(shadow))) await tx.execute(sql.raw(policy));
}

/** The statements that create the indexes of the live table that a shadow lacks. */
export async function missingIndexes(
  db: Database,
  live: PgTable,
  shadow: PgTable,
  wanted: (index: TablePart) => boolean = () => true,
): Promise<SQL[]> {
  const missing = lacking(await partsOf(db, live), await partsOf(db, shadow));
  return missing.filter((part) => !isRule(part) && wanted(part)).map((part) => creationOf(part, shadow));
}

/** True if a shadow's tables do not exist, or a migration has changed the live ones since they were created. */
export async function hasOtherColumns(db: Database, { tables }: Shadow): Promise<boolean> {
  for (const [table, beside] of tables) {
    if ((await columnsOf(db, table)) !== (await columnsOf(db, beside))) return true;
  }
  return false;
}

/**
 * Replaces the live table by the shadow's table, which gets its name and the names of its indexes and constraints,
 * because later migrations refer to these.
 * @returns false if the two have different shapes; then nothing was changed.
 */
export async function replaceTable(tx: Database, live: PgTable, shadow: PgTable): Promise<boolean> {
  const parts = await partsOf(tx, shadow);
  const renames = (await partsOf(tx, live)).map((part) => {
    const at = parts.findIndex((other) => isSame(part, other));
    return { part, from: at < 0 ? undefined : parts.splice(at, 1)[0]?.name };
  });
  if (parts.length > 0 || renames.some(({ from }) => from === undefined)) return false;
  for (const grant of await grantsOf(tx, live, shadow)) await tx.execute(grant);
  await tx.execute(sql`drop table ${live}`);
  await tx.execute(sql`alter table ${shadow} rename to ${sql.identifier(getTableName(live))}`);
  for (const { part, from } of renames) {
    const [was, now] = [sql.identifier(from ?? part.name), sql.identifier(part.name)];
    const index = sql`index ${sql.identifier(READ_SCHEMA)}.`;
    if (from !== part.name) {
      await tx.execute(
        isRule(part)
          ? sql`alter table ${live} rename constraint ${was} to ${now}`
          : sql`alter ${index}${was} rename to ${now}`,
      );
    }
    if (part.comment !== null) await tx.execute(sql`comment on ${index}${now} is ${sql.raw(literal(part.comment))}`);
  }
  return true;
}

/**
 * Replaces the rows of the transaction's tenant in the live table by those of the shadow's table, and drops that.
 * @returns false if the two have different columns; then nothing was changed.
 */
export async function replaceRows(tx: Database, live: PgTable, shadow: PgTable): Promise<boolean> {
  const columns = await columnsOf(tx, shadow);
  if (columns !== (await columnsOf(tx, live))) return false;
  const stored = await tx.execute<{ name: string }>(sql`
    select attname as name from pg_attribute
    where attrelid = ${regclass(shadow)} and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`);
  const names = sql.join(
    stored.map(({ name }) => sql.identifier(name)),
    sql`, `,
  );
  await tx.execute(sql`delete from ${live}`);
  await tx.execute(sql`insert into ${live} (${names}) overriding system value select ${names} from ${shadow}`);
  await tx.execute(sql`drop table ${shadow}`);
  return true;
}

/**
 * Drops a shadow's table if it exists. Work on it (a batch, an index that is being built, a comparison) is cancelled,
 * because it may take long and is useless now.
 */
export async function dropShadowTable(tx: Database, shadow: PgTable): Promise<void> {
  await cancelWorkOn(tx, shadow);
  await tx.execute(sql`drop table if exists ${shadow}`);
}

/** Cancels statements of other sessions that hold a lock on a shadow's table. */
export async function cancelWorkOn(db: Database, shadow: PgTable): Promise<void> {
  await db.execute(sql`
    select pg_cancel_backend(pid) from (
      select distinct l.pid from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'relation' and l.relation = ${regclass(shadow)}
        and l.database = (select oid from pg_database where datname = current_database())
        and l.pid <> pg_backend_pid() and a.backend_type = 'client backend'
    ) others`);
}

/** A table as SQL names it. */
function nameOf(table: PgTable): string {
  return `${quoted(READ_SCHEMA)}.${quoted(getTableName(table))}`;
}

/** Text as SQL writes it, for statements that take no parameters. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function creationOf(part: TablePart, table: PgTable): SQL {
  const definition = sql.raw(part.definition);
  if (part.kind === 'key') return sql`alter table ${table} add ${definition}`;
  return sql`create ${sql.raw(part.isUnique ? 'unique index' : 'index')} on ${table} ${definition}`;
}
