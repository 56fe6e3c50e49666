import { openPool, type Pool, type PoolOptions } from '../../../src/database/client.ts';
import { TENANT_SETTING } from '../../../src/database/tenancy/tenant-setting.ts';
import { testTenant } from '../kernel/as-tenant.ts';

/** Opens connections of the URL's user for a test that has no engine. In a database of tenants they write for the tests' tenant. */
export function openTestPool(options: PoolOptions): Pool {
  if (testTenant === undefined) return openPool(options);
  return openPool({ ...options, settings: { ...options.settings, [TENANT_SETTING]: testTenant } });
}
