import type { DatabaseOptions } from '../database/database.ts';
import type { Config } from './config.ts';

/** The settings that are the database's, as it takes them. */
export function databaseOptions(config: Config) {
  return {
    connections: {
      writer: config.writerConnections,
      projector: config.projectorConnections,
      reader: config.readerConnections,
    },
    readStatementTimeoutMs: config.readStatementTimeoutMs,
    roles: {
      urls: {
        writer: config.writerDatabaseUrl,
        projector: config.projectorDatabaseUrl,
        reader: config.readerDatabaseUrl,
      },
      secret: config.databaseRoleSecret,
    },
  } satisfies Partial<DatabaseOptions>;
}
