import { type StatementPrefix, statementPrefix } from '../link/statement-prefix.ts';

/** The setting of Postgres that says whose rows a statement may see and write. Policies of the tables compare it. */
export const TENANT_SETTING = 'afterwrite.tenant';
/** The column of every table that has rows of tenants. */
export const TENANT_COLUMN = 'tenant';
/** The tenant of the statement, as SQL; null if there is none. It is empty after a transaction in which it was set. */
export const CURRENT_TENANT = `nullif(current_setting('${TENANT_SETTING}', true), '')`;

/** What is executed before a statement of a tenant. */
export function prefixFor(tenant: string): StatementPrefix {
  return statementPrefix('afterwrite_tenant', `select pg_catalog.set_config('${TENANT_SETTING}', $1, true)`, tenant);
}

/** How a transaction of several statements of a tenant begins. */
export function beginFor(tenant: string): string {
  return `begin; set local ${TENANT_SETTING} to '${tenant.replaceAll("'", "''")}'`;
}
