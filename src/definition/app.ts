import type { Logger } from 'pino';
import type { DomainGraphql } from '../graphql/api.ts';
import type { ClaimsSchema } from '../kernel/define/access/claims-schema.ts';
import type { Claims, Roles } from '../kernel/define/access/roles.ts';
import type { Domain } from '../kernel/define/domain.ts';
import type { ProvidedAdapters } from '../kernel/define/process-manager/port.ts';
import type { Keyrings } from '../kernel/privacy/open-keyring.ts';
import type { Config } from '../settings/config.ts';
import type { Settings, ValuesOf } from '../settings/setting.ts';
import type { AppTenants } from './tenants.ts';

/** The tools with which an application can provide its adapters. */
export interface AdapterContext<Own extends Settings = Settings> {
  /** The product's settings and the application's own. */
  readonly config: Config & ValuesOf<Own>;
  /** The Postgres that the server or worker uses, for adapters that store something there. */
  readonly databaseUrl: string;
  /** The tenant whose database this is; undefined if the application has no database for each tenant. */
  readonly tenant?: string | undefined;
  /** For messages about the adapters to the operator. */
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** An application in the form in which the server and the command line run it; created by `defineApp`. */
export interface App {
  /** In lower case, e.g. `shop`. */
  readonly name: string;
  /** Who callers can be. */
  readonly roles: Roles;
  /** Roles that everybody has while authentication is off; it is never off in production. */
  readonly developerRoles: readonly string[];
  /** Claims of access tokens that rules and resolvers use; undefined if they use none. */
  readonly claims: ClaimsSchema | undefined;
  /** The claims that everybody has while authentication is off. */
  readonly developerClaims: Claims;
  /** How the data of tenants is kept apart; undefined if the application has no tenants. */
  readonly tenants: AppTenants | undefined;
  /** If a type leads to a type of another domain, the other domain comes first. */
  readonly domains: readonly Domain<DomainGraphql>[];
  /** The application's own settings, in addition to the product's. */
  readonly settings: Settings;
  /** Provides the adapters of its ports, for one server or worker. */
  readonly adapters: (context: AdapterContext) => Promise<ProvidedAdapters>;
  /** Kinds of keyrings besides that of a file, by the scheme of their URL. */
  readonly keyrings: Keyrings;
  /** Folder of its own migrations, which are applied after the engine's; undefined if there are none. */
  readonly migrations: URL | undefined;
  readonly graphiql: {
    /** Folder of the `.graphql` files that GraphiQL opens with, each with one operation; undefined if there is none. */
    readonly documents: URL | undefined;
  };
}
