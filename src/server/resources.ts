import type { Logger } from 'pino';
import { type AfterwriteDatabase, openDatabase } from '../database/database.ts';
import { type ProvidedPostgres, providePostgres } from '../database/provide.ts';
import type { App } from '../definition/app.ts';
import type { ProvidedAdapters } from '../kernel/define/process-manager/port.ts';
import type { Config } from '../settings/config.ts';
import { databaseOptions } from '../settings/database-options.ts';
import type { ServerObserver } from './operations/occurrences.ts';

/** How long statements may take to end when the database is closed, in ms. */
const CLOSE_MS = 1000;

/** The resources of a server: the connections to Postgres, and the application's adapters. */
export interface Resources {
  readonly database: AfterwriteDatabase;
  readonly adapters: ProvidedAdapters;
  closeDatabase(): Promise<void>;
  /** Stops an embedded Postgres that nobody else uses. */
  leavePostgres(): Promise<void>;
}

/**
 * Opens what a server works with. If a part cannot be opened, those before it are closed.
 * @throws {EmbeddedPostgresError} DatabaseError, or what the application's `adapters` throws.
 */
export async function openResources(
  app: App,
  config: Config,
  logger: Logger,
  observer: ServerObserver,
): Promise<Resources> {
  let postgres: ProvidedPostgres | undefined;
  let database: AfterwriteDatabase | undefined;
  try {
    const provided = await providePostgres(config, observer);
    postgres = provided;
    const opened = await openDatabase({
      url: provided.url,
      readUrl: config.readDatabaseUrl,
      ...databaseOptions(config),
      appMigrations: app.migrations,
      observer,
    });
    database = opened;
    const adapters = await app.adapters({ config, databaseUrl: provided.url, log: logger });
    return {
      database: opened,
      adapters,
      closeDatabase: () => opened.close(CLOSE_MS),
      leavePostgres: () => provided.release(),
    };
  } catch (error) {
    await database?.close(CLOSE_MS);
    await postgres?.release();
    throw error;
  }
}
