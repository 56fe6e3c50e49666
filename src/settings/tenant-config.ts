import { databaseNameIn, plainUrl, urlOfDatabase } from '../database/tenants/database-url.ts';
import { TemplateDatabases, type TenantDatabases } from '../database/tenants/tenant-databases.ts';
import { defaultCacheBytes } from '../kernel/write/state/cache-bytes.ts';
import type { Config } from './config.ts';

/** An application that says itself where the databases of its tenants are. */
interface NamingApp {
  readonly tenants: { readonly databases?: ((config: Config) => TenantDatabases) | undefined } | undefined;
}

/**
 * The databases of an application's tenants: those that the application names, or else the settings.
 * @param url of the Postgres: that of DATABASE_URL, or the embedded one.
 */
export function databasesOf({ tenants }: NamingApp, config: Config, url: string): TenantDatabases {
  if (tenants?.databases) return tenants.databases(config);
  const { tenantDatabaseUrl } = config;
  if (tenantDatabaseUrl === undefined) return TemplateDatabases.beside(url);
  const template = plainUrl(tenantDatabaseUrl);
  return new TemplateDatabases(template, databaseNameIn(template));
}

/** Connections and memory, which all open tenants share. Each of them gets at least one connection of each kind. */
const SHARED = [
  ...(['writerConnections', 'readerConnections', 'projectorConnections'] as const),
  ...(['commitFeedBytes', 'graphqlDocumentCacheBytes', 'appendQueueBytes'] as const),
];

/**
 * The settings with which one tenant is served: the server's, for the tenant's database, with its share of what the open tenants
 * have together.
 * @param url of the tenant's database.
 * @param open how many tenants may be open.
 */
export function configOfTenant<C extends Config>(config: C, url: string, open = config.tenantsOpen): C {
  const name = databaseNameIn(url);
  const there = (other: string | undefined) => other && urlOfDatabase(other, name);
  const shares = SHARED.map((key) => [key, Math.max(1, Math.ceil(config[key] / open))]);
  return {
    ...config,
    ...Object.fromEntries(shares),
    databaseUrl: url,
    readDatabaseUrl: there(config.readDatabaseUrl),
    writerDatabaseUrl: there(config.writerDatabaseUrl),
    projectorDatabaseUrl: there(config.projectorDatabaseUrl),
    readerDatabaseUrl: there(config.readerDatabaseUrl),
    stateCacheBytes: Math.ceil((config.stateCacheBytes ?? defaultCacheBytes()) / open),
  };
}
