import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { RIGHTS } from '../roles/rights.ts';
import { quoted } from '../roles/statements.ts';
import { CURRENT_TENANT, TENANT_COLUMN, TENANT_SETTING } from './tenant-setting.ts';

/** Tables of the engine that say something about the database as a whole, and nothing about any tenant. */
const OF_ALL: ReadonlySet<string> = new Set(['es.store', 'es.tenants', 'read.read_models']);

/** What makes a table one of tenants. */
interface TableState extends Record<string, unknown> {
  /** As SQL names it. */
  readonly table: string;
  readonly hasColumn: boolean;
  readonly hasPolicy: boolean;
  readonly isForced: boolean;
  /** Primary key and unique constraints that do not begin with the tenant. */
  readonly keys: readonly { readonly name: string; readonly definition: string }[];
  /** Other B-tree indexes that do not begin with the tenant. */
  readonly indexes: readonly { readonly name: string; readonly definition: string }[];
}

/**
 * The statements that make the engine's tables those of tenants; none if they are. A row belongs to the tenant who wrote it, keys
 * count within a tenant, and nobody sees rows without saying whose, not even the tables' owner.
 *
 * @param db as a user who may change the tables.
 */
export async function tenantStatements(db: Database): Promise<string[]> {
  return (await tenantTables(db)).flatMap(statementsOf);
}

/** The engine's tables that have rows of tenants. */
async function tenantTables(db: Database): Promise<TableState[]> {
  const names = Object.keys(RIGHTS.tables).filter((name) => /^(es|read)\./.test(name) && !OF_ALL.has(name));
  const leads = sql`exists (select from pg_attribute a where a.attrelid = x.indrelid and a.attnum = x.indkey[0]
                            and a.attname = ${TENANT_COLUMN})`;
  return await db.execute<TableState>(sql`
    select format('%I.%I', n.nspname, c.relname) as "table",
           exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = ${TENANT_COLUMN} and not a.attisdropped) as "hasColumn",
           exists (select from pg_policy p where p.polrelid = c.oid and p.polname = ${TENANT_COLUMN}) as "hasPolicy",
           c.relrowsecurity and c.relforcerowsecurity as "isForced",
           (select coalesce(jsonb_agg(jsonb_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid)) order by k.conname), '[]')
            from pg_constraint k join pg_index x on x.indexrelid = k.conindid
            where k.conrelid = c.oid and k.contype in ('p', 'u') and not ${leads}) as keys,
           (select coalesce(jsonb_agg(jsonb_build_object('name', format('%I.%I', n.nspname, i.relname),
                                                         'definition', pg_get_indexdef(i.oid)) order by i.relname), '[]')
            from pg_index x join pg_class i on i.oid = x.indexrelid join pg_am m on m.oid = i.relam and m.amname = 'btree'
            where x.indrelid = c.oid and not ${leads}
              and not exists (select from pg_constraint k where k.conindid = i.oid)) as indexes
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and (n.nspname || '.' || c.relname = any(${`{${names.join(',')}}`}::text::text[]) or n.nspname = 'es')
      and n.nspname || '.' || c.relname <> all(${`{${[...OF_ALL].join(',')}}`}::text::text[])
    order by 1`);
}

function statementsOf({ table, hasColumn, hasPolicy, isForced, keys, indexes }: TableState): string[] {
  return [
    ...(hasColumn ? [] : [`alter table ${table} add column ${columnDdl}`]),
    ...keys.map(
      ({ name, definition }) =>
        `alter table ${table} drop constraint ${quoted(name)}, add constraint ${quoted(name)} ${withTenant(definition)}`,
    ),
    ...indexes.flatMap(({ name, definition }) => [`drop index ${name}`, withTenant(definition)]),
    ...(hasPolicy && isForced ? [] : policyDdl(table, hasPolicy)),
  ];
}

/** The column of a table of tenants. A row gets the tenant of the statement that writes it. */
export const columnDdl = `${quoted(TENANT_COLUMN)} text not null default ${CURRENT_TENANT}`;

/**
 * The statements after which a table shows and takes only rows of the statement's tenant. The comparison is leakproof, and it is made
 * before anything else that a query asks for.
 */
export function policyDdl(table: string, hasPolicy = false): string[] {
  const isOwn = `(${quoted(TENANT_COLUMN)} = current_setting('${TENANT_SETTING}', true))`;
  return [
    ...(hasPolicy ? [] : [`create policy ${quoted(TENANT_COLUMN)} on ${table} using ${isOwn} with check ${isOwn}`]),
    `alter table ${table} enable row level security, force row level security`,
  ];
}

/** The definition of a key or an index that begins with the tenant: the columns are what its first parentheses enclose. */
function withTenant(definition: string): string {
  const start = definition.indexOf(' USING btree (');
  const at = definition.indexOf('(', Math.max(0, start)) + 1;
  return `${definition.slice(0, at)}${quoted(TENANT_COLUMN)}, ${definition.slice(at)}`;
}

/**
 * Does work on rows of all tenants, in a transaction of the tables' owner. Until its end everybody else waits for these tables.
 * @param tables as SQL names them.
 */
export async function acrossTenants<T>(tx: Database, tables: readonly string[], work: () => Promise<T>): Promise<T> {
  for (const table of tables) await tx.execute(sql.raw(`alter table if exists ${table} no force row level security`));
  const result = await work();
  for (const table of tables) await tx.execute(sql.raw(`alter table if exists ${table} force row level security`));
  return result;
}

/**
 * The tables, as SQL names them, whose owner is confined to the rows of a tenant; none in a store without tenants.
 * @param among all tables by default.
 */
export async function forcedTables(db: Database, among?: readonly string[]): Promise<string[]> {
  const rows = await db.execute<{ table: string }>(sql`
    select format('%I.%I', nspname, relname) as "table" from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname in ('es', 'read') and relforcerowsecurity order by 1`);
  return rows.map(({ table }) => table).filter((table) => among === undefined || among.includes(table));
}
