import { type AfterwriteDatabase, type DatabaseOptions, openDatabase } from '../../../src/database/database.ts';
import { openSharedDatabase } from '../../../src/database/tenancy/shared-database.ts';
import type { Domain } from '../../../src/kernel/define/domain.ts';

/**
 * The tenant as whom the tests of the engine run, on a database that tenants share: they must pass in the same way. Undefined if they
 * run without tenants.
 */
export const testTenant: string | undefined = process.env.TEST_TENANT || undefined;

/** Opens a database as the tests' tenant. */
export async function openAsTenant(options: DatabaseOptions): Promise<AfterwriteDatabase> {
  if (testTenant === undefined) return openDatabase(options);
  const shared = await openSharedDatabase(options);
  const opened = await shared.open(testTenant);
  const close = async (timeoutMs?: number) => {
    await opened.close(timeoutMs);
    await shared.close(timeoutMs);
  };
  return { ...opened, close };
}

/**
 * Lets projections say whose tables they are on, as those of an engine do. Tests use them without an engine, too.
 * @returns the same domains.
 */
export function projectingAsTenant<D extends Pick<Domain, 'projections'>>(domains: readonly D[]): readonly D[] {
  if (testTenant === undefined) return domains;
  for (const { projections } of domains) for (const each of projections) Object.assign(each, { tenant: testTenant });
  return domains;
}
