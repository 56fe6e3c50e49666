import { type Domain, registerDomains } from '../domain.ts';
import type { Registry } from './registry.ts';

/**
 * The registry of an engine.
 * @param tenant whose engine it is, if tenants share tables: the read models then say so.
 */
export function registryOfTenant(domains: readonly Domain[], tenant: string | undefined): Registry {
  const registry = registerDomains(domains);
  if (tenant === undefined) return registry;
  const projections = [...registry.projections].map(([name, projection]) => [name, { ...projection, tenant }] as const);
  return { ...registry, projections: new Map(projections) };
}
