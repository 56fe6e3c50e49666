import type { Logger } from 'pino';
import { type AfterwriteDatabase, openDatabase } from '../database/database.ts';
import type { SharedDatabase } from '../database/tenancy/shared-database.ts';
import type { App } from '../definition/app.ts';
import type { ProvidedAdapters } from '../kernel/define/process-manager/port.ts';
import type { Keyring } from '../kernel/privacy/keyring.ts';
import { keyringOf } from '../kernel/privacy/open-keyring.ts';
import type { Config } from '../settings/config.ts';
import { databaseOptions } from '../settings/database-options.ts';
import type { ServerObserver } from './operations/occurrences.ts';

/** How long statements may take to end when the database is closed, in ms. */
const CLOSE_MS = 1000;

/** The resources of a store: the connections to Postgres, and the application's adapters. */
export interface Resources {
  readonly database: AfterwriteDatabase;
  readonly adapters: ProvidedAdapters;
  /** Undefined if KEYRING_URL is not set. */
  readonly keyring: Keyring | undefined;
  closeDatabase(): Promise<void>;
}

export interface ResourceOptions {
  readonly app: App;
  readonly config: Config;
  readonly url: string;
  /** Whose store it is; undefined if the application has no tenants. */
  readonly tenant: string | undefined;
  /** The database that tenants share; undefined if they do not. */
  readonly shared?: SharedDatabase | undefined;
  readonly logger: Logger;
  readonly observer: ServerObserver;
}

/**
 * Opens what a store works with. If a part cannot be opened, those before it are closed.
 * @throws {DatabaseError} KeyringError, or what the application's `adapters` throws.
 */
export async function openResources({
  app,
  config,
  url,
  tenant,
  shared,
  logger,
  observer,
}: ResourceOptions): Promise<Resources> {
  const keyring = await keyringOf(config, app, tenant);
  const options = {
    ...{ url, tenant, readUrl: config.readDatabaseUrl },
    ...databaseOptions(config),
    appMigrations: app.migrations,
    observer,
  };
  const database = shared && tenant !== undefined ? await shared.open(tenant) : await openDatabase(options);
  try {
    const adapters = await app.adapters({ config, databaseUrl: url, tenant, log: logger });
    return { database, adapters, keyring, closeDatabase: () => database.close(CLOSE_MS) };
  } catch (error) {
    await database.close(CLOSE_MS);
    throw error;
  }
}
