import { databaseNameIn, PLACEHOLDER, plainUrl } from '../database/tenants/database-url.ts';
import { count, onlyInDevelopment, setting } from './setting.ts';
import { onOff, postgresUrl } from './values.ts';

/** Tenants that have databases of their own. */
export const tenantSettings = {
  tenantDatabaseUrl: setting(
    'TENANT_DATABASE_URL',
    'URL of the databases of tenants, with {tenant} in the name of the database. If unset, they are beside that of DATABASE_URL: shop_acme beside shop.',
    postgresUrl.refine((url) => {
      return url.split(PLACEHOLDER).length === 2 && databaseNameIn(plainUrl(url)).split(PLACEHOLDER).length === 2;
    }, 'must have {tenant} once, in the name of the database, as in postgres://db.example/shop_{tenant}'),
    { secret: true },
  ),
  tenantsOpen: count(
    'TENANTS_OPEN',
    8,
    'Maximum number of tenants whose databases a server has open at the same time. They share connections, caches and queues.',
    1,
    10_000,
  ),
  tenantCreate: setting(
    'TENANT_CREATE',
    'Whether the database of a tenant is created when somebody first asks for it, on or off.',
    onOff,
    onlyInDevelopment,
  ),
};
