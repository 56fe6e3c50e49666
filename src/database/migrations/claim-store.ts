import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { DatabaseError } from '../errors.ts';

/**
 * Makes sure that a store is the one of this tenant. A store without events becomes the tenant's; from then on nobody else uses it.
 * @param tenant undefined for an application that has no database for each tenant.
 * @throws {DatabaseError} DATABASE_OF_ANOTHER if it is the store of another tenant, or of an application without tenants.
 */
export async function claimStore(db: Database, tenant: string | undefined): Promise<void> {
  if (tenant !== undefined) {
    await db.execute(sql`
      update es.store set tenant = ${tenant} where tenant is null and not exists (select from es.events)`);
  }
  const [store] = await db.execute<{ tenant: string | null }>(sql`select tenant from es.store`);
  const owner = store?.tenant ?? undefined;
  if (owner === tenant) return;
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
