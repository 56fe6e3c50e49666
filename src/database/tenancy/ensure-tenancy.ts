import { sql } from 'drizzle-orm';
import { APPEND_LOCK } from '../activity/locks.ts';
import type { Database } from '../client.ts';
import { DatabaseError } from '../errors.ts';
import { quoted } from '../roles/statements.ts';
import { CURRENT_TENANT, TENANT_COLUMN, TENANT_SETTING } from './tenant-setting.ts';
import { tenantStatements } from './tenant-tables.ts';

/**
 * How the rows of tenants are kept apart in a database: in tables with a column for the tenant, or not at all. A database for one
 * tenant is one without tenants.
 */
export type Tenancy = 'column' | undefined;

/** True if the log has a column for the tenant. */
export async function hasTenants(db: Database): Promise<boolean> {
  const [row] = await db.execute<{ there: boolean }>(sql`
    select exists (select from pg_attribute where attrelid = to_regclass('es.events') and attname = ${TENANT_COLUMN}
                   and not attisdropped) as there`);
  return row?.there === true;
}

/**
 * Makes an empty store one of tenants if the application wants that. Call it under the migration lock, in the transaction of
 * migrations if there are any: tables and functions that they have added to a store of tenants become those of tenants too.
 *
 * @throws {DatabaseError} TENANCY_MISMATCH if the store has events of nobody and the application has tenants, or the other way round;
 *   also if a store of tenants has a materialized view.
 */
export async function ensureTenancy(db: Database, wanted: Tenancy): Promise<void> {
  if (wanted === undefined) return refuseTenants(db);
  const present = await hasTenants(db);
  const statements = [
    ...(await tenantStatements(db)),
    ...(await functionStatements(db)),
    ...(await viewStatements(db)),
  ];
  if (statements.length === 0) return;
  await db.transaction(async (transaction) => {
    const tx = transaction as unknown as Database;
    if (!present) await empty(tx);
    for (const statement of statements) await tx.execute(sql.raw(statement));
  });
}

/** @throws {DatabaseError} TENANCY_MISMATCH if tenants share the store. */
export async function refuseTenants(db: Database): Promise<void> {
  if (!(await hasTenants(db))) return;
  throw mismatch("its rows belong to tenants, and the application has none: set tenants: 'column' in defineApp");
}

/**
 * The statements after which views show only rows of the statement's tenant; none if they do. Policies hold for a view's owner unless
 * it says otherwise, and its owner may be a superuser.
 * @throws {DatabaseError} TENANCY_MISMATCH for a materialized view: it keeps rows, and there are no policies for it.
 */
async function viewStatements(db: Database): Promise<string[]> {
  const views = await db.execute<{ view: string; isMaterialized: boolean; isInvoker: boolean }>(sql`
    select format('%I.%I', nspname, relname) as view, relkind = 'm' as "isMaterialized",
           coalesce((select option_value::boolean from pg_options_to_table(reloptions)
                     where option_name = 'security_invoker'), false) as "isInvoker"
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname in ('es', 'read') and relkind in ('v', 'm') order by 1`);
  const materialized = views.find(({ isMaterialized }) => isMaterialized);
  if (materialized) {
    throw mismatch(
      `the materialized view ${materialized.view} would show rows of all tenants. Make it a view, or a read model`,
    );
  }
  return views.flatMap(({ view, isInvoker }) =>
    isInvoker ? [] : [`alter view ${view} set (security_invoker = true)`],
  );
}

/** How the functions of the log take its lock. */
const LOG_LOCK = `pg_advisory_xact_lock(${APPEND_LOCK})`;
const LOG_LOCK_OF_TENANT = `pg_advisory_xact_lock(${APPEND_LOCK}, hashtext(current_setting('${TENANT_SETTING}')))`;

/** How the function that hashes batches says whose the events are. */
const OF_NO_TENANT = "of_tenant constant text := ''";
const OF_TENANT = `of_tenant constant text := '"tenant":' || to_json(${CURRENT_TENANT}) || ','`;

/**
 * The statements that make the functions of the log those of a store of tenants; none if they are.
 *
 * - The content of an event, which is hashed, names the tenant. So nobody can pass the log of one off as that of another.
 * - The log of each tenant has a lock of its own, so that the appends of one do not wait for the commits of others.
 *
 * They are made from the functions that migrations have made: in a store without tenants, none of this costs anything.
 */
async function functionStatements(db: Database): Promise<string[]> {
  const functions = await db.execute<{ name: string; definition: string }>(sql`
    select proname as name, pg_get_functiondef(oid) as definition from pg_proc
    where pronamespace = to_regnamespace('es')
      and (proname in ('event_content', 'insert_batch') or strpos(prosrc, ${LOG_LOCK}) > 0) order by 1`);
  return functions.flatMap(({ name, definition }) => {
    if (definition.includes('"tenant"')) return [];
    if (name === 'insert_batch') return [definition.replace(OF_NO_TENANT, OF_TENANT)];
    if (name !== 'event_content') return [definition.replaceAll(LOG_LOCK, LOG_LOCK_OF_TENANT)];
    return [
      definition
        .replace('"position":%s,', '"position":%s,"tenant":%s,')
        .replace(/\S+\."?position"?,/, `$& to_json((e).${TENANT_COLUMN}),`),
    ];
  });
}

/** Records a tenant of the store, who gets a log of their own. @param db as the tenant, with the rights of the tables' owner. */
export async function noteTenant(db: Database, tenant: string): Promise<void> {
  const [known] = await db.execute(sql`select from es.tenants where name = ${tenant}`);
  if (known) return;
  await db.transaction(async (tx) => {
    await tx.execute(sql`insert into es.tenants (name) values (${tenant}) on conflict do nothing`);
    // A log without events is chained from its beginning.
    await tx.execute(
      sql`insert into es.chain (origin, completed_at) values (gen_random_uuid(), clock_timestamp()) on conflict do nothing`,
    );
    // Their heads are signed by one instance at a time.
    await tx.execute(sql`insert into es.signer default values on conflict do nothing`);
  });
}

/** Removes what servers without tenants have left in a store that has no events. */
async function empty(tx: Database): Promise<void> {
  await tx.execute(sql`lock table es.events in access exclusive mode`);
  const [event] = await tx.execute(sql`select from es.events limit 1`);
  const [receipt] = await tx.execute(sql`select from es.receipts limit 1`);
  if (event || receipt) {
    throw mismatch(
      "it has events that belong to no tenant, and the application has tenants: 'column'. Use an empty database",
    );
  }
  const models = await tx.execute<{ table: string }>(
    sql`select unnest(tables) as "table" from read.read_models order by 1`,
  );
  // Its origin belongs to nobody. Each tenant has a chain of their own.
  await tx.execute(sql`delete from es.chain`);
  await tx.execute(sql`delete from es.signer`);
  for (const { table } of models) await tx.execute(sql.raw(`drop table if exists read.${quoted(table)} cascade`));
  for (const table of ['read_models', 'checkpoints', 'instances', 'dead_letters', 'parked_items']) {
    await tx.execute(sql.raw(`delete from read.${table}`));
  }
}

function mismatch(why: string): DatabaseError {
  return new DatabaseError('TENANCY_MISMATCH', `The database does not fit the application: ${why}.`);
}

/**
 * The settings with which a connection of the URL's user sees and changes what belongs to one tenant, and nothing else: as the
 * owner of the tables, whom policies confine.
 * @throws {DatabaseError} TENANCY_MISMATCH if tenants do not share the database; TENANT_MISSING if the tenant was never here.
 */
export async function settingsFor(tenant: string, db: Database): Promise<Readonly<Record<string, string>>> {
  if (!(await hasTenants(db))) throw mismatch("tenants do not share it, and the application has tenants: 'column'");
  const [owner] = await db.execute<{ role: string }>(
    sql`select pg_get_userbyid(relowner) as role from pg_class where oid = 'es.events'::regclass`,
  );
  const [known] = await db.execute(sql`select from es.tenants where name = ${tenant}`);
  if (!known || !owner) throw new DatabaseError('TENANT_MISSING', `There is no tenant ${tenant} in this database.`);
  return { role: owner.role, [TENANT_SETTING]: tenant };
}

/**
 * Checks that policies hold for a user of the database: neither superusers nor users with BYPASSRLS are confined by them.
 * @throws {DatabaseError} DATABASE_UNFIT
 */
export async function refuseUnconfined(db: Database): Promise<void> {
  const [row] = await db.execute<{ user: string; isConfined: boolean }>(
    sql`select rolname as "user", not (rolsuper or rolbypassrls) as "isConfined" from pg_roles where rolname = current_user`,
  );
  if (row?.isConfined) return;
  throw new DatabaseError(
    'DATABASE_UNFIT',
    `Policies do not confine the user ${row?.user} to the rows of one tenant: take the right BYPASSRLS from it.`,
  );
}
