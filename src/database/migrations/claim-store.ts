import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { DatabaseError } from '../errors.ts';

/**
 * Makes a store without events that of this tenant. From then on nobody else uses it. Call it when it is known that tenants do not
 * share the store: their rows cannot be seen from here.
 * @param tenant undefined for an application that has no database for each tenant; it claims nothing.
 * @throws {DatabaseError} DATABASE_OF_ANOTHER as {@link refuseStoreOfAnother}.
 */
export async function claimStore(db: Database, tenant: string | undefined): Promise<void> {
  if (tenant !== undefined) {
    await db.execute(sql`
      update es.store set tenant = ${tenant} where tenant is null and not exists (select from es.events)`);
  }
  await refuseStoreOfAnother(db, tenant);
}

/**
 * Makes sure that a store is the one of this tenant or can become it. It changes nothing, and takes a database without a store too.
 * @param tenant undefined for an application that has no database for each tenant.
 * @throws {DatabaseError} DATABASE_OF_ANOTHER if it is the store of another tenant, or of an application without tenants.
 */
export async function refuseStoreOfAnother(db: Database, tenant: string | undefined): Promise<void> {
  const owner = await storeOwner(db);
  if (owner === tenant || (owner === undefined && !(await hasEvents(db)))) return;
  const advice =
    owner === undefined
      ? 'It has the events of an application without tenants. Give the tenant another database.'
      : `It is the database of the tenant ${owner}. ${
          tenant === undefined
            ? "Define the application with tenants: 'database', or use another database."
            : 'Two tenants never share one.'
        }`;
  const whose = tenant === undefined ? 'an application without tenants' : `the tenant ${tenant}`;
  throw new DatabaseError('DATABASE_OF_ANOTHER', `The database cannot be used for ${whose}. ${advice}`);
}

/** Whose store a database has; undefined if it is nobody's, or if there is none. */
export async function storeOwner(db: Database): Promise<string | undefined> {
  // The column is younger than the table.
  const recorded = await db.execute(sql`
    select from pg_attribute where attrelid = to_regclass('es.store') and attname = 'tenant' and not attisdropped`);
  if (recorded.length === 0) return undefined;
  const [store] = await db.execute<{ tenant: string | null }>(sql`select tenant from es.store`);
  return store?.tenant ?? undefined;
}

async function hasEvents(db: Database): Promise<boolean> {
  const [log] = await db.execute<{ there: boolean }>(sql`select to_regclass('es.events') is not null as there`);
  return log?.there === true && (await db.execute(sql`select from es.events limit 1`)).length > 0;
}
