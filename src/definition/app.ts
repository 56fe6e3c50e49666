import type { Logger } from 'pino';
import type { DomainGraphql } from '../graphql/api.ts';
import type { Domain } from '../kernel/define/domain.ts';
import type { ProvidedAdapters } from '../kernel/define/port.ts';
import type { Roles } from '../kernel/define/roles.ts';
import type { Config } from '../settings/config.ts';
import type { Settings, ValuesOf } from '../settings/setting.ts';

/** What an application has at hand when it provides its adapters. */
export interface AdapterContext<Own extends Settings = Settings> {
  /** The product's settings and the application's own. */
  readonly config: Config & ValuesOf<Own>;
  /** The Postgres that the server or worker uses, for adapters that keep something there. */
  readonly databaseUrl: string;
  /** For what an operator should know of the adapters. */
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** An application, as the server and the command line run it; made by `defineApp`. */
export interface App {
  /** In lower case, as `shop`. */
  readonly name: string;
  /** Who callers can be. */
  readonly roles: Roles;
  /** Roles that everybody has while authentication is off, which it never is in production. */
  readonly developerRoles: readonly string[];
  /** A domain whose types another one leads to comes before it. */
  readonly domains: readonly Domain<DomainGraphql>[];
  /** Settings of its own, beside the product's. */
  readonly settings: Settings;
  /** Provides the adapters of its ports, for one server or worker. */
  readonly adapters: (context: AdapterContext) => Promise<ProvidedAdapters>;
  /** Folder of its own migrations, which are applied after the engine's; undefined for none. */
  readonly migrations: URL | undefined;
  readonly graphiql: {
    /** Folder of the `.graphql` files that GraphiQL opens with, each with one operation; undefined for none. */
    readonly documents: URL | undefined;
  };
}
