import type { TenantDatabases } from '../database/tenants/tenant-databases.ts';
import { whyNotTenant } from '../kernel/define/access/tenant.ts';
import { DefinitionError } from '../kernel/define/definition-error.ts';
import type { Config } from '../settings/config.ts';

/** `column`: all tenants share one database. `database`: each tenant has a database of its own. */
export type TenantMode = 'column' | 'database';

/** The tenants of an application. */
export interface AppTenants {
  readonly mode: TenantMode;
  /** The tenant of everybody who names no other while authentication is off. */
  readonly developerTenant: string;
  /** Where their databases are, if the settings do not say so. */
  readonly databases?: ((config: Config) => TenantDatabases) | undefined;
}

/** What an application says about its tenants. */
interface TenantsDefinition {
  readonly tenants?: TenantMode;
  readonly developerTenant?: string;
  readonly tenantDatabases?: ((config: Config) => TenantDatabases) | undefined;
}

/** @throws {DefinitionError} NAME_MALFORMED if the developers' tenant cannot be one. */
export function tenantsOf({
  tenants: mode,
  developerTenant = 'developer',
  tenantDatabases: databases,
}: TenantsDefinition): AppTenants | undefined {
  if (mode === undefined) return undefined;
  const reason = whyNotTenant(developerTenant);
  if (reason !== undefined) {
    throw new DefinitionError('NAME_MALFORMED', { name: developerTenant }, `The developerTenant ${reason}.`);
  }
  return { mode, developerTenant, databases };
}
