import { inject } from 'vitest';
import shop from '../../../src/app.ts';
import type { App } from '../../../src/definition/app.ts';
import type { AppTenants, TenantMode } from '../../../src/definition/tenants.ts';
import { Fulfilment } from '../../../src/domains/fulfilment/index.ts';
import { createTestApp } from '../../../src/testing/create-test-app.ts';
import type { TestApp } from '../../../src/testing/test-app.ts';

/** The shop for several tenants. Nobody carries orders on. */
export function shopOf(mode: TenantMode, databases?: AppTenants['databases']): App {
  return {
    ...shop,
    tenants: { mode, developerTenant: 'developer', databases },
    domains: shop.domains.map((domain) =>
      domain.name === 'fulfilment'
        ? { ...domain, aggregates: [...domain.aggregates, Fulfilment.aggregate], processes: [], effects: [] }
        : domain,
    ),
  };
}

/** The ways to keep tenants apart. */
export const modes: readonly TenantMode[] = ['column', 'database'];

/** A server of the shop for several tenants, on databases of its own. */
export function openTenants(
  mode: TenantMode,
  env: NodeJS.ProcessEnv = {},
  databases?: AppTenants['databases'],
): Promise<TestApp> {
  return createTestApp(shopOf(mode, databases), { env: { TEST_DATABASE_URL: inject('serverUrl'), ...env } });
}

/** An access token of a member of staff of a tenant. */
export const tokenOf = (app: TestApp, tenant: string) => app.tokenOf(clerkOf(tenant));

/** A member of staff of a tenant. */
export const clerkOf = (tenant: string, id = 'clerk') => ({ id, roles: ['staff'] as const, tenant });
